#if 0
#pragma makedep unix
#endif

/*
 * UTF-8, checked as it arrives
 */

#include <string.h>

#include "utf8.h"

/* What a first byte says about those behind it; only the second one's range depends on it. */
static const struct utf8_lead
{
    uint8_t first, last;         /* the bytes of this row */
    uint8_t left, low, high;
}
utf8_leads[] =
{
    { 0xc2, 0xdf, 1, 0x80, 0xbf },      /* c0 and c1 could only begin overlong forms */
    { 0xe0, 0xe0, 2, 0xa0, 0xbf },      /* below U+0800: overlong */
    { 0xe1, 0xec, 2, 0x80, 0xbf },
    { 0xed, 0xed, 2, 0x80, 0x9f },      /* above it: surrogates */
    { 0xee, 0xef, 2, 0x80, 0xbf },
    { 0xf0, 0xf0, 3, 0x90, 0xbf },      /* below U+10000: overlong */
    { 0xf1, 0xf3, 3, 0x80, 0xbf },
    { 0xf4, 0xf4, 3, 0x80, 0x8f },      /* above U+10FFFF */
};

static const struct utf8_lead *find_lead( uint8_t byte )
{
    unsigned int i;

    for (i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++)
        if (byte <= utf8_leads[i].last) return byte >= utf8_leads[i].first ? &utf8_leads[i] : NULL;
    return NULL;
}

/* The first byte from p on that is not ASCII, eight at a time. */
static const uint8_t *skip_ascii( const uint8_t *p, const uint8_t *end )
{
    uint64_t word[4];

    for (; (size_t)(end - p) >= sizeof(word); p += sizeof(word))
    {
        memcpy( word, p, sizeof(word) );
        if ((word[0] | word[1] | word[2] | word[3]) & 0x8080808080808080ull) break;
    }
    while (p < end && *p < 0x80) p++;
    return p;
}

int utf8_feed( struct utf8 *utf8, const void *data, size_t len )
{
    const uint8_t *p = data, *end = p + len;
    const struct utf8_lead *lead;

    for (;;)
    {
        while (utf8->left && p < end)
        {
            if (*p < utf8->low || *p > utf8->high) return 0;
            utf8->low = 0x80;
            utf8->high = 0xbf;
            utf8->left--;
            p++;
        }
        if ((p = skip_ascii( p, end )) == end) return 1;
        if (!(lead = find_lead( *p++ ))) return 0;
        utf8->left = lead->left;
        utf8->low = lead->low;
        utf8->high = lead->high;
    }
}
