/*
 * The cookies of a session: what Set-Cookie stores and what Cookie sends
 *
 * One array in the order of storing; a walk over all of it answers every question. A full store of 3000 is walked in some
 * microseconds, the usual one holds a handful. Domains are compared on label boundaries, in lower case, and an address
 * only with itself.
 *
 * Source: RFC 6265 sections 5.1 to 5.4. From its successor (draft 6265bis): name prefixes, control characters, limits of
 * length, and that what came without TLS neither sets nor replaces a Secure cookie. HttpOnly and SameSite mean nothing
 * here, since there are no scripts and no sites. That a cookie stored again becomes the newest is a choice, as is that
 * text without '=' or without a name is no cookie.
 */

#ifdef WINHTTP_NATIVE
#include "win_shim.h"
#else
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <windef.h>
#include <winbase.h>
#include <winhttp.h>
#endif

#include "cookie.h"
#include "url.h"

#define SECOND        10000000ull              /* in units of FILETIME */
#define NEVER         (~0ull)
#define MAX_AGE_MAX   0xffffffffull            /* seconds; more is the same as for ever */
#define HOST_SIZE     256
#define CAPACITY_MIN  16

struct cookie
{
    WCHAR    *text;             /* "name=value", domain and path, one behind the other; one allocation */
    DWORD     name_cch, text_cch, domain_cch, path_cch;
    BOOL      host_only;        /* the domain is the host itself, others below it do not count */
    BOOL      secure;
    ULONGLONG expires;
};

/* What Set-Cookie says; spans of its text, or of `host`. An attribute that came twice counts as it came last. */
struct set_cookie
{
    struct url_span name, value, domain, path;
    BOOL      have_domain, secure, have_max_age;
    ULONGLONG expires;          /* NEVER: at the end of the session; 0: long ago */
    WCHAR     host[HOST_SIZE];
};

static const WCHAR root_path[] = L"/";

static const WCHAR *cookie_domain( const struct cookie *cookie )
{
    return cookie->text + cookie->text_cch;
}

static const WCHAR *cookie_path( const struct cookie *cookie )
{
    return cookie->text + cookie->text_cch + cookie->domain_cch;
}

static BOOL is_digit( WCHAR c )
{
    return c >= '0' && c <= '9';
}

static BOOL is_letter( WCHAR c )
{
    return c < 0x80 && (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static WCHAR fold( WCHAR c )
{
    return is_letter( c ) ? c | 0x20 : c;
}

static BOOL same_text( const WCHAR *a, const WCHAR *b, DWORD cch )
{
    return !memcmp( a, b, cch * sizeof(WCHAR) );
}

static BOOL same_folded( const WCHAR *a, const WCHAR *b, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch && fold( a[i] ) == fold( b[i] ); i++) ;
    return i == cch;
}

/*--- dates: RFC 6265 section 5.1.1, which takes what servers have sent for decades; time.c is stricter -------------*/

struct cookie_date
{
    unsigned int hour, minute, second, day, month, year;
    BOOL         have_time;     /* the others are there when they are not zero; a year is, when its place is taken */
    BOOL         have_year;
};

static BOOL is_date_delimiter( WCHAR c )
{
    return c == '\t' || (c >= ' ' && c <= '~' && !is_digit( c ) && !is_letter( c ) && c != ':');
}

/* The number that a token begins with; returns its digits, 0 if there are fewer than `min` or more than `max`. */
static unsigned int read_number( const WCHAR *text, DWORD cch, unsigned int min, unsigned int max, unsigned int *value )
{
    unsigned int number = 0, count;

    for (count = 0; count < cch && count <= max && is_digit( text[count] ); count++)
        number = number * 10 + text[count] - '0';
    if (count < min || count > max) return 0;
    *value = number;
    return count;
}

static BOOL read_clock( struct cookie_date *date, const WCHAR *text, DWORD cch )
{
    unsigned int part[3], i, used;
    DWORD pos = 0;

    for (i = 0; i < 3; i++)
    {
        if (i && (pos == cch || text[pos++] != ':')) return FALSE;
        if (!(used = read_number( text + pos, cch - pos, 1, 2, &part[i] ))) return FALSE;
        pos += used;
    }
    date->hour = part[0];
    date->minute = part[1];
    date->second = part[2];
    return TRUE;
}

static unsigned int find_month( const WCHAR *text, DWORD cch )
{
    static const WCHAR months[] = L"janfebmaraprmayjunjulaugsepoctnovdec";
    unsigned int i;

    for (i = 0; cch >= 3 && i < 12; i++) if (same_folded( text, months + 3 * i, 3 )) return i + 1;
    return 0;
}

/* A token is the first thing that it can be and that is still missing. */
static void read_date_token( struct cookie_date *date, const WCHAR *text, DWORD cch )
{
    if (!date->have_time && (date->have_time = read_clock( date, text, cch ))) return;
    if (!date->day && read_number( text, cch, 1, 2, &date->day )) return;
    if (!date->month && (date->month = find_month( text, cch ))) return;
    if (!date->have_year && read_number( text, cch, 2, 4, &date->year )) date->have_year = TRUE;
}

static BOOL is_leap_year( unsigned int year )
{
    return !(year % 4) && (year % 100 || !(year % 400));
}

/* Units of FILETIME since 1601; FALSE if there is no such day. */
static BOOL date_to_time( const struct cookie_date *date, ULONGLONG *time )
{
    static const unsigned short days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
    unsigned int year = date->year, years, days, leap;

    if (year < 70) year += 2000;
    else if (year < 100) year += 1900;
    if (!date->have_time || !date->have_year || !date->month || !date->day || year < 1601) return FALSE;
    if (date->hour > 23 || date->minute > 59 || date->second > 59) return FALSE;

    leap = is_leap_year( year );
    days = days_before[date->month] - days_before[date->month - 1] + (date->month == 2 ? leap : 0);
    if (date->day > days) return FALSE;

    years = year - 1601;
    days = years * 365 + years / 4 - years / 100 + years / 400;
    days += days_before[date->month - 1] + (date->month > 2 ? leap : 0) + date->day - 1;
    *time = (((ULONGLONG)days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
    *time *= SECOND;
    return TRUE;
}

static BOOL parse_date( const WCHAR *text, DWORD cch, ULONGLONG *time )
{
    struct cookie_date date;
    DWORD pos, start;

    memset( &date, 0, sizeof(date) );
    for (pos = 0; pos < cch; )
    {
        if (is_date_delimiter( text[pos] ))
        {
            pos++;
            continue;
        }
        for (start = pos; pos < cch && !is_date_delimiter( text[pos] ); pos++) ;
        read_date_token( &date, text + start, pos - start );
    }
    return date_to_time( &date, time );
}

/*--- attributes ----------------------------------------------------------------------------------------------------*/

/* A value that cannot be read is as if the attribute were not there, but for Domain. */
typedef void (*attribute_reader)( struct set_cookie *set, const struct url_span *value, ULONGLONG now );

/* An empty one counts as absent. One that is no name is kept as the name that no host matches. */
static void read_domain( struct set_cookie *set, const struct url_span *value, ULONGLONG now )
{
    struct url_span name = *value;
    char ascii[HOST_SIZE];
    DWORD i;

    (void)now;
    if (!name.cch) return;
    if (name.text[0] == '.')
    {
        name.text++;
        name.cch--;
    }
    if (url_host_to_ascii( name.text, name.cch, ascii, sizeof(ascii) )) ascii[0] = 0;
    for (i = 0; ascii[i]; i++) set->host[i] = fold( (unsigned char)ascii[i] );
    set->domain.text = set->host;
    set->domain.cch = i;
    set->have_domain = TRUE;
}

static void read_path( struct set_cookie *set, const struct url_span *value, ULONGLONG now )
{
    (void)now;
    if (value->cch && value->text[0] == '/') set->path = *value;
    else memset( &set->path, 0, sizeof(set->path) );
}

static void read_expires( struct set_cookie *set, const struct url_span *value, ULONGLONG now )
{
    ULONGLONG time;

    (void)now;
    if (!set->have_max_age && parse_date( value->text, value->cch, &time )) set->expires = time;
}

/* Has precedence over Expires, wherever it stands. */
static void read_max_age( struct set_cookie *set, const struct url_span *value, ULONGLONG now )
{
    BOOL negative = value->cch && value->text[0] == '-';
    ULONGLONG age = 0;
    DWORD i;

    if (value->cch == (DWORD)negative) return;
    for (i = negative; i < value->cch; i++)
    {
        if (!is_digit( value->text[i] )) return;
        if (age < MAX_AGE_MAX) age = age * 10 + value->text[i] - '0';
    }
    set->have_max_age = TRUE;
    if (negative || !age) set->expires = 0;
    else set->expires = age >= MAX_AGE_MAX || age * SECOND >= NEVER - now ? NEVER : now + age * SECOND;
}

static void read_secure( struct set_cookie *set, const struct url_span *value, ULONGLONG now )
{
    (void)value;
    (void)now;
    set->secure = TRUE;
}

static const struct
{
    const WCHAR     *name;
    DWORD            name_cch;
    attribute_reader read;
}
attributes[] =
{
    { L"domain",  6, read_domain },
    { L"expires", 7, read_expires },
    { L"max-age", 7, read_max_age },
    { L"path",    4, read_path },
    { L"secure",  6, read_secure },
};

static void read_attribute( struct set_cookie *set, const struct url_span *name, const struct url_span *value,
                            ULONGLONG now )
{
    DWORD i;

    if (value->cch > COOKIE_ATTR_MAX) return;
    for (i = 0; i < ARRAYSIZE( attributes ); i++)
        if (attributes[i].name_cch == name->cch && same_folded( attributes[i].name, name->text, name->cch ))
            attributes[i].read( set, value, now );
}

/*--- Set-Cookie ----------------------------------------------------------------------------------------------------*/

static BOOL is_blank( WCHAR c )
{
    return c == ' ' || c == '\t';
}

static void set_trimmed( struct url_span *span, const WCHAR *start, const WCHAR *end )
{
    while (start < end && is_blank( *start )) start++;
    while (start < end && is_blank( end[-1] )) end--;
    span->text = start;
    span->cch = end - start;
}

/* "name = value" up to a ';' or the end; returns where it ends. FALSE in *has_value: there is no '='. */
static const WCHAR *split_pair( const WCHAR *text, const WCHAR *end, struct url_span *name, struct url_span *value,
                                BOOL *has_value )
{
    const WCHAR *stop, *equal;

    for (stop = text; stop < end && *stop != ';'; stop++) ;
    for (equal = text; equal < stop && *equal != '='; equal++) ;
    *has_value = equal < stop;
    set_trimmed( name, text, equal );
    set_trimmed( value, *has_value ? equal + 1 : stop, stop );
    return stop;
}

static BOOL has_controls( const WCHAR *text, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if ((text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f) return TRUE;
    return FALSE;
}

static BOOL parse_set_cookie( struct set_cookie *set, const WCHAR *text, DWORD cch, ULONGLONG now )
{
    const WCHAR *p, *end = text + cch;
    struct url_span name, value;
    BOOL has_value;

    memset( set, 0, sizeof(*set) );
    set->expires = NEVER;
    if (has_controls( text, cch )) return FALSE;
    p = split_pair( text, end, &set->name, &set->value, &has_value );
    if (!has_value || !set->name.cch || cch > 0x7fffffff) return FALSE;
    if (set->name.cch + set->value.cch > COOKIE_TEXT_MAX) return FALSE;
    while (p < end)
    {
        p = split_pair( p + 1, end, &name, &value, &has_value );
        read_attribute( set, &name, &value, now );
    }
    return TRUE;
}

/*--- matching ------------------------------------------------------------------------------------------------------*/

/* An IPv6 address, or a name whose last label is a number: url.c lets no other names of that kind through. */
static BOOL is_address( const WCHAR *host, DWORD cch )
{
    DWORD i;

    for (i = 0; i < cch; i++) if (host[i] == ':') return TRUE;
    for (i = cch; i && is_digit( host[i - 1] ); i--) ;
    return i < cch && (!i || host[i - 1] == '.');
}

/* RFC 6265 section 5.1.3; `domain` is in lower case. */
static BOOL domain_matches( const WCHAR *host, DWORD host_cch, const WCHAR *domain, DWORD domain_cch )
{
    const WCHAR *tail;

    if (domain_cch > host_cch) return FALSE;
    tail = host + host_cch - domain_cch;
    if (!same_folded( tail, domain, domain_cch )) return FALSE;
    return domain_cch == host_cch || (domain_cch && tail[-1] == '.' && !is_address( host, host_cch ));
}

/* RFC 6265 section 5.1.4 */
static BOOL path_matches( const WCHAR *path, DWORD path_cch, const WCHAR *prefix, DWORD prefix_cch )
{
    if (prefix_cch > path_cch || !same_text( path, prefix, prefix_cch )) return FALSE;
    return prefix_cch == path_cch || prefix[prefix_cch - 1] == '/' || path[prefix_cch] == '/';
}

static void request_path( struct url_span *path, const struct cookie_place *place )
{
    path->text = place->path;
    for (path->cch = 0; path->cch < place->path_cch && place->path[path->cch] != '?'; path->cch++) ;
    if (path->cch && path->text[0] == '/') return;
    path->text = root_path;
    path->cch = 1;
}

/* The directory of the request's path, without the slash at its end. */
static void default_path( struct url_span *path, const struct cookie_place *place )
{
    DWORD cch;

    request_path( path, place );
    for (cch = path->cch; path->text[cch - 1] != '/'; cch--) ;
    path->cch = cch > 1 ? cch - 1 : 1;
}

static BOOL has_prefix( const struct url_span *name, const WCHAR *prefix, DWORD prefix_cch )
{
    return name->cch >= prefix_cch && same_folded( name->text, prefix, prefix_cch );
}

/* A server may ask in the name itself for what a cookie must fulfil; asked before defaults are filled in. */
static BOOL prefix_holds( const struct set_cookie *set )
{
    if (has_prefix( &set->name, L"__Secure-", 9 )) return set->secure;
    if (!has_prefix( &set->name, L"__Host-", 7 )) return TRUE;
    return set->secure && !set->have_domain && set->path.cch == 1;
}

/* Makes sure that the place may set this cookie, and fills in what it did not say. */
static BOOL settle_scope( struct set_cookie *set, const struct cookie_place *place, cookie_suffix_test is_suffix )
{
    BOOL suffix;
    DWORD i;

    if (!place->host_cch || place->host_cch >= HOST_SIZE) return FALSE;
    if (set->secure && !place->secure) return FALSE;
    if (!prefix_holds( set )) return FALSE;

    if (set->have_domain)
    {
        if (!domain_matches( place->host, place->host_cch, set->domain.text, set->domain.cch )) return FALSE;
        for (suffix = TRUE, i = 0; i < set->domain.cch; i++) if (set->domain.text[i] == '.') suffix = FALSE;
        if (!suffix && is_suffix) suffix = is_suffix( set->domain.text, set->domain.cch );
        /* A public suffix may be a host of its own, and cookies for it alone do no harm; so may localhost (CO-8). */
        if (suffix && set->domain.cch != place->host_cch) return FALSE;
        set->have_domain = !suffix && !is_address( set->domain.text, set->domain.cch );
    }
    else
    {
        for (i = 0; i < place->host_cch; i++) set->host[i] = fold( place->host[i] );
        set->domain.text = set->host;
        set->domain.cch = place->host_cch;
    }
    if (!set->path.text) default_path( &set->path, place );
    return set->path.cch <= COOKIE_ATTR_MAX;
}

/*--- the store -----------------------------------------------------------------------------------------------------*/

void cookies_init( struct cookies *cookies )
{
    memset( cookies, 0, sizeof(*cookies) );
}

void cookies_clear( struct cookies *cookies )
{
    while (cookies->count) free( cookies->list[--cookies->count].text );
    free( cookies->list );
    cookies_init( cookies );
}

static void remove_cookie( struct cookies *cookies, DWORD index )
{
    struct cookie *cookie = cookies->list + index;

    free( cookie->text );
    memmove( cookie, cookie + 1, (--cookies->count - index) * sizeof(*cookie) );
}

static void drop_expired( struct cookies *cookies, ULONGLONG now )
{
    DWORD i, kept = 0;

    for (i = 0; i < cookies->count; i++)
    {
        if (cookies->list[i].expires > now) cookies->list[kept++] = cookies->list[i];
        else free( cookies->list[i].text );
    }
    cookies->count = kept;
}

static BOOL same_domain( const struct cookie *a, const struct cookie *b )
{
    return a->domain_cch == b->domain_cch && same_text( cookie_domain( a ), cookie_domain( b ), a->domain_cch );
}

static BOOL same_name( const struct cookie *a, const struct cookie *b )
{
    return a->name_cch == b->name_cch && same_text( a->text, b->text, a->name_cch );
}

static BOOL same_identity( const struct cookie *a, const struct cookie *b )
{
    return same_name( a, b ) && same_domain( a, b ) && a->path_cch == b->path_cch &&
           same_text( cookie_path( a ), cookie_path( b ), a->path_cch );
}

/* A Secure cookie that requests to the same places would carry: what came without TLS may not take its place. */
static BOOL shadows( const struct cookie *cookie, const struct cookie *secure )
{
    if (!secure->secure || !same_name( cookie, secure )) return FALSE;
    if (!domain_matches( cookie_domain( cookie ), cookie->domain_cch, cookie_domain( secure ), secure->domain_cch ) &&
        !domain_matches( cookie_domain( secure ), secure->domain_cch, cookie_domain( cookie ), cookie->domain_cch ))
        return FALSE;
    return path_matches( cookie_path( cookie ), cookie->path_cch, cookie_path( secure ), secure->path_cch );
}

static WCHAR *put_text( WCHAR *dst, const struct url_span *span )
{
    if (span->cch) memcpy( dst, span->text, span->cch * sizeof(WCHAR) );
    return dst + span->cch;
}

static BOOL make_cookie( struct cookie *cookie, const struct set_cookie *set )
{
    WCHAR *p;

    cookie->name_cch = set->name.cch;
    cookie->text_cch = set->name.cch + 1 + set->value.cch;
    cookie->domain_cch = set->domain.cch;
    cookie->path_cch = set->path.cch;
    cookie->host_only = !set->have_domain;
    cookie->secure = set->secure;
    cookie->expires = set->expires;
    p = cookie->text = malloc( (cookie->text_cch + cookie->domain_cch + cookie->path_cch) * sizeof(WCHAR) );
    if (!p) return FALSE;
    p = put_text( p, &set->name );
    *p++ = '=';
    p = put_text( p, &set->value );
    put_text( put_text( p, &set->domain ), &set->path );
    return TRUE;
}

static BOOL reserve( struct cookies *cookies )
{
    DWORD capacity = cookies->capacity ? cookies->capacity * 2 : CAPACITY_MIN;
    struct cookie *list;

    if (cookies->count < cookies->capacity) return TRUE;
    if (!(list = realloc( cookies->list, capacity * sizeof(*list) ))) return FALSE;
    cookies->list = list;
    cookies->capacity = capacity;
    return TRUE;
}

static void remove_oldest_of_domain( struct cookies *cookies, const struct cookie *cookie )
{
    DWORD i, count = 0, oldest = 0;

    for (i = cookies->count; i--; )
    {
        if (!same_domain( &cookies->list[i], cookie )) continue;
        count++;
        oldest = i;
    }
    if (count >= COOKIES_DOMAIN_MAX) remove_cookie( cookies, oldest );
}

/* There is room in the array. The text is the store's from here on. */
static void store_cookie( struct cookies *cookies, const struct cookie *cookie, ULONGLONG now )
{
    DWORD i;

    for (i = 0; i < cookies->count && !same_identity( &cookies->list[i], cookie ); i++) ;
    if (i < cookies->count) remove_cookie( cookies, i );
    if (cookie->expires <= now)
    {
        free( cookie->text );
        return;
    }
    if (cookies->count >= COOKIES_DOMAIN_MAX)
    {
        drop_expired( cookies, now );
        remove_oldest_of_domain( cookies, cookie );
        if (cookies->count >= COOKIES_MAX) remove_cookie( cookies, 0 );
    }
    cookies->list[cookies->count++] = *cookie;
}

DWORD cookies_set( struct cookies *cookies, const struct cookie_place *place, const WCHAR *text, DWORD cch,
                   ULONGLONG now, cookie_suffix_test is_suffix )
{
    struct set_cookie set;
    struct cookie cookie;
    DWORD i;

    if (!parse_set_cookie( &set, text, cch, now )) return ERROR_INVALID_DATA;
    if (!settle_scope( &set, place, is_suffix )) return ERROR_INVALID_DATA;
    if (!reserve( cookies ) || !make_cookie( &cookie, &set )) return ERROR_NOT_ENOUGH_MEMORY;
    for (i = 0; !place->secure && i < cookies->count; i++)
    {
        if (cookies->list[i].expires <= now || !shadows( &cookie, &cookies->list[i] )) continue;
        free( cookie.text );
        return ERROR_INVALID_DATA;
    }
    store_cookie( cookies, &cookie, now );
    return 0;
}

static BOOL is_for( const struct cookie *cookie, const struct cookie_place *place, const struct url_span *path,
                    ULONGLONG now )
{
    if (cookie->expires <= now || (cookie->secure && !place->secure)) return FALSE;
    if (cookie->host_only && cookie->domain_cch != place->host_cch) return FALSE;
    return domain_matches( place->host, place->host_cch, cookie_domain( cookie ), cookie->domain_cch ) &&
           path_matches( path->text, path->cch, cookie_path( cookie ), cookie->path_cch );
}

DWORD cookies_get( const struct cookies *cookies, const struct cookie_place *place, ULONGLONG now,
                   WCHAR *text, DWORD size_cch )
{
    const struct cookie *cookie;
    struct url_span path;
    DWORD i, len = 0;

    request_path( &path, place );
    for (i = cookies->count; i--; )
    {
        cookie = &cookies->list[i];
        if (!is_for( cookie, place, &path, now )) continue;
        if (len)
        {
            if (len + 2 <= size_cch) memcpy( text + len, L"; ", 2 * sizeof(WCHAR) );
            len += 2;
        }
        if (len + cookie->text_cch <= size_cch) memcpy( text + len, cookie->text, cookie->text_cch * sizeof(WCHAR) );
        len += cookie->text_cch;
    }
    return len;
}
