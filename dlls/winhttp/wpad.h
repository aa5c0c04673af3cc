/*
 * Discovery of proxy scripts: where the network says that one is
 *
 * DHCP's option 252 first, then a host named "wpad" in the machine's DNS domain and those above it.
 */

#ifndef WINHTTP_WPAD_H
#define WINHTTP_WPAD_H

/* Asks the network now, for at most some seconds. `flags` is WINHTTP_AUTO_DETECT_TYPE_*; others find nothing. `cancel` may be
 * NULL, or an event that ends the waiting. *url is given (free). Returns 0, ERROR_WINHTTP_AUTODETECTION_FAILED,
 * ERROR_WINHTTP_OPERATION_CANCELLED or ERROR_NOT_ENOUGH_MEMORY. */
DWORD wpad_detect( DWORD flags, HANDLE cancel, WCHAR **url );

/* The same, or what was found out some minutes ago; that nothing was found is remembered for one. */
DWORD wpad_find( DWORD flags, HANDLE cancel, WCHAR **url );

void wpad_forget( void );    /* what was found out; also at the module's end */

#endif /* WINHTTP_WPAD_H */
