/*
 * Proxies and stubs of IWinHttpRequestEvents
 *
 * For a sink that is advised in another apartment than its own. Windows marshals the interface by its type library; Wine's
 * marshaler of type libraries cannot do methods that return nothing. So the class of the scripting object is the factory of
 * proxies, too, and this module says so to COM before the first object is made.
 */

#ifndef WINHTTP_COM_PROXY_H
#define WINHTTP_COM_PROXY_H

/* Once per process, before a sink can be advised. A failure leaves the interface with the marshaler of type libraries. */
void com_proxy_register( void );

/* The factory as an IPSFactoryBuffer; it lasts as long as the module. */
IUnknown *com_proxy_factory( void );

#endif /* WINHTTP_COM_PROXY_H */
