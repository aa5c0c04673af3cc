/*
 * The helper functions of proxy scripts, in JScript
 */

#ifndef WINHTTP_PAC_PRELUDE_H
#define WINHTTP_PAC_PRELUDE_H

/* The object that the prelude asks for what a script cannot know by itself; pac_engine.c has its methods. */
#define PAC_HOST_OBJECT L"__winhttp"

/* Runs before the script, whose functions of the same names replace these. */
extern const WCHAR pac_prelude[];

#endif /* WINHTTP_PAC_PRELUDE_H */
