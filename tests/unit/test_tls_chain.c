/*
 * Unit test of the verdict on chains (unix/tls_verify.c, unix/tls_name.c), which are made to order and judged without a
 * connection
 *
 * A row is a leaf, whom we wanted to talk to, and the bits that must be found. Choices that no document pins down are
 * marked.
 */

#include <arpa/inet.h>

#include "issue.h"
#include "unix/tls.h"
#include "unix/tls_trust.h"
#include "unix/tls_verify.h"

#define IGNORE_ALL (WH_TLS_IGNORE_UNKNOWN_CA | WH_TLS_IGNORE_USAGE | WH_TLS_IGNORE_NAME | WH_TLS_IGNORE_DATE \
                    | WH_TLS_IGNORE_WEAK_SIGNATURE)

static struct issued root, stranger, limited;        /* a trusted authority, one that is not, a trusted one in name only */

static struct tls_peer_name peer_name( const char *host )
{
    struct tls_peer_name peer = { 0 };

    if (inet_pton( AF_INET, host, peer.address ) == 1) peer.address_len = 4;
    else if (inet_pton( AF_INET6, host, peer.address ) == 1) peer.address_len = 16;
    else peer.name = host;
    return peer;
}

static uint32_t judge( const gnutls_datum_t *der, unsigned int count, const char *host, uint32_t flags )
{
    struct tls_peer_name peer = peer_name( host );
    enum wh_error error;
    uint32_t bits;

    error = tls_verify_chain( der, NULL, count, &peer, flags, &bits );
    expect( error == (bits ? WHE_CERT : WHE_OK) );
    return bits;
}

/* ---- names ---- */

struct name_case
{
    struct wish wish;
    const char *host;
    int         ok;
};

static const struct name_case name_cases[] =
{
    { { .dns = { "www.example.test" } },                "www.example.test", 1 },
    { { .dns = { "www.example.test" } },                "WWW.Example.TEST", 1 },
    { { .dns = { "www.example.test." } },               "www.example.test", 1 },
    { { .dns = { "a.test", "b.test", "c.test" } },      "c.test", 1 },
    { { .dns = { "www.example.test" } },                "example.test", 0 },
    { { .dns = { "www.example.test" } },                "www.example.test.evil.test", 0 },
    { { .dns = { "*.example.test" } },                  "a.example.test", 1 },
    { { .dns = { "*.example.test" } },                  "A.EXAMPLE.test", 1 },
    { { .dns = { "*.example.test" } },                  "a.b.example.test", 0 },
    { { .dns = { "*.example.test" } },                  "example.test", 0 },
    { { .dns = { "*.example.test" } },                  ".example.test", 0 },
    { { .dns = { "*.test" } },                          "example.test", 0 },
    { { .dns = { "*" } },                               "localhost", 0 },
    { { .dns = { "*." } },                              "localhost", 0 },
    { { .dns = { "a*.example.test" } },                 "ab.example.test", 0 },      /* a choice: whole labels only */
    { { .dns = { "*a.example.test" } },                 "ba.example.test", 0 },
    { { .dns = { "a.*.test" } },                        "a.b.test", 0 },
    { { .dns = { "*.*.example.test" } },                "a.b.example.test", 0 },
    { { .dns = { "*.xn--bcher-kva.test" } },            "a.xn--bcher-kva.test", 1 },
    { { .dns = { "xn--bcher-kva.test" } },              "xn--bcher-kva.test", 1 },
    { { .dns = { "xn--bcher-kva.test" } },              "XN--BCHER-KVA.test", 1 },
    { { .dns = { "xn--bcher-kva.test" } },              "bucher.test", 0 },
    { { .dns = { "*.example.test" } },                  "xn--bcher-kva.example.test", 1 },
    { { .dns = { "good.test\0.evil.test" }, .dns_len = 20 }, "good.test", 0 },
    { { .cn = "www.example.test" },                     "www.example.test", 1 },
    { { .cn = "*.example.test" },                       "a.example.test", 1 },
    { { .cn = "www.example.test" },                     "other.test", 0 },
    { { .cn = "www.example.test", .dns = { "a.test" } }, "www.example.test", 0 },
    { { .cn = "www.example.test", .dns = { "a.test" } }, "a.test", 1 },
    { { .cn = "www.example.test", .ip = { "10.0.0.1" } }, "www.example.test", 0 },
    { { .cn = "www.example.test", .uri = "https://a.test" }, "www.example.test", 0 },
    { { .ip = { "10.0.0.1", "fd00::1" } },              "10.0.0.1", 1 },
    { { .ip = { "10.0.0.1", "fd00::1" } },              "fd00::1", 1 },
    { { .ip = { "10.0.0.1", "fd00::1" } },              "FD00:0::0:1", 1 },
    { { .ip = { "10.0.0.1" } },                         "10.0.0.2", 0 },
    { { .ip = { "10.0.0.1" } },                         "::ffff:10.0.0.1", 0 },
    { { .dns = { "10.0.0.1" } },                        "10.0.0.1", 0 },             /* a choice: a name is no address */
    { { .dns = { "*.0.0.1" } },                         "10.0.0.1", 0 },
    { { .cn = "10.0.0.1" },                             "10.0.0.1", 0 },             /* only alternative names hold addresses */
    { { .cn = "10.0.0.1", .ip = { "10.0.0.2" } },       "10.0.0.1", 0 },
    { { .cn = "*.0.0.1" },                              "10.0.0.1", 0 },
    { { .cn = "fd00::1" },                              "fd00:0::1", 0 },
};

static void test_names_match_as_the_rules_say(void)
{
    struct issued leaf;
    uint32_t bits;
    size_t i;

    for (i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++)
    {
        issue( &leaf, &name_cases[i].wish, &root );
        bits = judge( &leaf.der, 1, name_cases[i].host, 0 );
        if (!expect( bits == (name_cases[i].ok ? 0 : WH_CERT_NAME) ))
            fprintf( stderr, "row %u, %s: %#x\n", (unsigned int)i, name_cases[i].host, bits );
        expect( !judge( &leaf.der, 1, name_cases[i].host, WH_TLS_IGNORE_NAME ) );
        expect( judge( &leaf.der, 1, name_cases[i].host, IGNORE_ALL & ~WH_TLS_IGNORE_NAME ) == bits );
        issued_free( &leaf );
    }
}

/* ---- chains of three ---- */

enum by { BY_ROOT, BY_STRANGER, BY_NOBODY };

struct chain_case
{
    const char *what;
    struct wish middle, leaf;        /* leaf: for a.example.test unless it says otherwise */
    uint32_t    bits;                /* under the trusted root; under a stranger UNKNOWN_CA comes on top */
    uint32_t    ignore;              /* the one flag that relaxes it, 0 = none does */
};

#define MIDDLE .cn = "Middle", .ca = 1
#define LEAF   .cn = "Leaf", .dns = { "a.example.test" }

static const struct chain_case chain_cases[] =
{
    { "good", { MIDDLE }, { LEAF }, 0, 0 },
    { "no basic constraints in the leaf", { MIDDLE }, { LEAF, .ca = -1 }, 0, 0 },
    { "middle that may sign leaves only", { MIDDLE, .path_len = 1 }, { LEAF }, 0, 0 },
    { "middle is no authority", { .cn = "Middle" }, { LEAF }, WH_CERT_INVALID, 0 },
    { "middle without basic constraints", { .cn = "Middle", .ca = -1 }, { LEAF }, WH_CERT_INVALID, 0 },
    { "middle may not sign", { MIDDLE, .no_cert_sign = 1 }, { LEAF }, WH_CERT_INVALID, 0 },
    { "middle for another purpose", { MIDDLE, .purpose = GNUTLS_KP_CODE_SIGNING }, { LEAF },
      WH_CERT_USAGE, WH_TLS_IGNORE_USAGE },
    { "leaf for another purpose", { MIDDLE }, { LEAF, .purpose = GNUTLS_KP_TLS_WWW_CLIENT },
      WH_CERT_USAGE, WH_TLS_IGNORE_USAGE },
    { "leaf for any purpose", { MIDDLE }, { LEAF, .purpose = GNUTLS_KP_ANY }, 0, 0 },
    { "middle expired", { MIDDLE, .from_days = -30, .until_days = -2 }, { LEAF }, WH_CERT_DATE, WH_TLS_IGNORE_DATE },
    { "middle not yet valid", { MIDDLE, .from_days = 5 }, { LEAF }, WH_CERT_DATE, WH_TLS_IGNORE_DATE },
    { "leaf expired", { MIDDLE }, { LEAF, .from_days = -30, .until_days = -2 }, WH_CERT_DATE, WH_TLS_IGNORE_DATE },
    { "leaf not yet valid", { MIDDLE }, { LEAF, .from_days = 5 }, WH_CERT_DATE, WH_TLS_IGNORE_DATE },
    { "leaf within the permitted names", { MIDDLE, .permitted = "example.test" }, { LEAF }, 0, 0 },
    { "leaf outside the permitted names", { MIDDLE, .permitted = "other.test" }, { LEAF }, WH_CERT_INVALID, 0 },
    { "leaf within the excluded names", { MIDDLE, .excluded = "example.test" }, { LEAF }, WH_CERT_INVALID, 0 },
    { "leaf outside the excluded names", { MIDDLE, .excluded = "other.test" }, { LEAF }, 0, 0 },
    { "leaf signed with SHA-1", { MIDDLE }, { LEAF, .digest = GNUTLS_DIG_SHA1 },
      WH_CERT_INVALID, WH_TLS_IGNORE_WEAK_SIGNATURE },
    { "middle signed with SHA-1", { MIDDLE, .digest = GNUTLS_DIG_SHA1 }, { LEAF },
      WH_CERT_INVALID, WH_TLS_IGNORE_WEAK_SIGNATURE },
    { "leaf with a short key", { MIDDLE }, { LEAF, .rsa = 512 }, WH_CERT_INVALID, 0 },
    { "middle with a short key", { MIDDLE, .rsa = 512 }, { LEAF }, WH_CERT_INVALID, 0 },
    { "leaf with a key just long enough", { MIDDLE }, { LEAF, .rsa = 1024 }, 0, 0 },
    { "leaf with an unknown critical extension", { MIDDLE }, { LEAF, .critical = 1 }, WH_CERT_INVALID, 0 },
    { "middle with an unknown critical extension", { MIDDLE, .critical = 1 }, { LEAF }, WH_CERT_INVALID, 0 },
    { "leaf for another name", { MIDDLE }, { .dns = { "b.example.test" } }, WH_CERT_NAME, WH_TLS_IGNORE_NAME },
};

static const uint32_t flags[] =
{
    WH_TLS_IGNORE_UNKNOWN_CA, WH_TLS_IGNORE_USAGE, WH_TLS_IGNORE_NAME, WH_TLS_IGNORE_DATE, WH_TLS_IGNORE_WEAK_SIGNATURE
};

/* Whatever is wrong further down is found with an unknown authority, too, and stays found when that is ignored. */
static void check_chain( const struct chain_case *test, const struct issued *top )
{
    uint32_t bits, expected = test->bits | (top == &root ? 0 : WH_CERT_UNKNOWN_CA);
    struct issued middle, leaf;
    gnutls_datum_t der[3];
    size_t i;
    int order;

    issue( &middle, &test->middle, top );
    issue( &leaf, &test->leaf, &middle );
    der[0] = leaf.der;
    for (order = 0; order < 2; order++)
    {
        der[1 + order] = middle.der;
        der[2 - order] = top->der;
        bits = judge( der, 3, "a.example.test", 0 );
        if (!expect( bits == expected ))
            fprintf( stderr, "%s, under %s, order %d: %#x, not %#x\n", test->what, top == &root ? "root" : "stranger",
                     order, bits, expected );
        for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        {
            expected = bits;
            if (flags[i] == WH_TLS_IGNORE_UNKNOWN_CA) expected &= ~WH_CERT_UNKNOWN_CA;
            if (flags[i] == test->ignore) expected &= ~test->bits;
            if (!expect( judge( der, 3, "a.example.test", flags[i] ) == expected ))
                fprintf( stderr, "%s, ignoring %#x\n", test->what, flags[i] );
        }
        expected = test->ignore ? 0 : test->bits;
        if (!expect( judge( der, 3, "a.example.test", IGNORE_ALL ) == expected ))
            fprintf( stderr, "%s, ignoring all\n", test->what );
        expected = test->bits | (top == &root ? 0 : WH_CERT_UNKNOWN_CA);
    }
    issued_free( &leaf );
    issued_free( &middle );
}

static void test_each_flaw_of_a_chain_has_its_bit_and_its_flag(void)
{
    size_t i;

    for (i = 0; i < sizeof(chain_cases) / sizeof(chain_cases[0]); i++)
    {
        check_chain( &chain_cases[i], &root );
        check_chain( &chain_cases[i], &stranger );
    }
}

static void test_path_length_counts_authorities_below(void)
{
    static const struct wish upper_wish = { .cn = "Upper", .ca = 1, .path_len = 1 };
    static const struct wish middle_wish = { MIDDLE }, leaf_wish = { LEAF };
    struct issued upper, middle, leaf;
    gnutls_datum_t der[3];

    issue( &upper, &upper_wish, &root );
    issue( &middle, &middle_wish, &upper );
    issue( &leaf, &leaf_wish, &middle );
    der[0] = leaf.der;
    der[1] = middle.der;
    der[2] = upper.der;
    expect( judge( der, 3, "a.example.test", 0 ) == WH_CERT_INVALID );
    expect( judge( der, 3, "a.example.test", IGNORE_ALL ) == WH_CERT_INVALID );
    issued_free( &leaf );
    issued_free( &middle );
    issued_free( &upper );
}

static void test_forged_signature_is_invalid_whatever_is_ignored(void)
{
    static const struct wish middle_wish = { MIDDLE }, leaf_wish = { LEAF };
    struct issued middle, leaf;
    gnutls_datum_t der[2];

    issue( &middle, &middle_wish, &root );
    issue( &leaf, &leaf_wish, &middle );
    der[0] = leaf.der;
    der[1] = middle.der;
    expect( !judge( der, 2, "a.example.test", 0 ) );
    leaf.der.data[leaf.der.size - 1] ^= 1;
    expect( judge( der, 2, "a.example.test", 0 ) & WH_CERT_INVALID );
    expect( judge( der, 2, "a.example.test", IGNORE_ALL ) == WH_CERT_INVALID );
    issued_free( &leaf );
    issue( &leaf, &leaf_wish, &stranger );       /* by somebody else than the names say */
    der[0] = leaf.der;
    expect( judge( der, 2, "a.example.test", 0 ) == WH_CERT_UNKNOWN_CA );
    issued_free( &leaf );
    issued_free( &middle );
}

static void test_incomplete_chain_is_an_unknown_authority(void)
{
    static const struct wish middle_wish = { MIDDLE }, leaf_wish = { LEAF };
    struct issued middle, leaf;

    issue( &middle, &middle_wish, &root );
    issue( &leaf, &leaf_wish, &middle );
    expect( judge( &leaf.der, 1, "a.example.test", 0 ) == WH_CERT_UNKNOWN_CA );
    expect( !judge( &leaf.der, 1, "a.example.test", WH_TLS_IGNORE_UNKNOWN_CA ) );
    expect( judge( NULL, 0, "a.example.test", IGNORE_ALL ) == WH_CERT_INVALID );
    leaf.der.size -= 5;
    expect( judge( &leaf.der, 1, "a.example.test", IGNORE_ALL ) == WH_CERT_INVALID );
    issued_free( &leaf );
    issued_free( &middle );
}

/* Names are all that a certificate has in common with the authority that is trusted. */
static void test_other_key_under_a_trusted_name_is_not_trusted(void)
{
    static const struct wish leaf_wish = { LEAF };
    struct issued leaf;
    gnutls_datum_t der[2];
    uint32_t bits;

    issue( &leaf, &leaf_wish, &limited );
    der[0] = leaf.der;
    der[1] = limited.der;
    bits = judge( der, 2, "a.example.test", 0 );
    expect( bits & (WH_CERT_UNKNOWN_CA | WH_CERT_INVALID) );
    expect( !(bits & ~(WH_CERT_UNKNOWN_CA | WH_CERT_INVALID)) );
    expect( judge( der, 1, "a.example.test", 0 ) & (WH_CERT_UNKNOWN_CA | WH_CERT_INVALID) );
    issued_free( &leaf );
}

static void test_long_and_circular_chains_come_to_an_end(void)
{
    static const struct wish a_wish = { .cn = "A", .ca = 1 }, b_wish = { .cn = "B", .ca = 1 }, leaf_wish = { LEAF };
    struct issued a, b, a_by_b, b_by_a, leaf;
    gnutls_datum_t der[40];
    int i;

    issue( &a, &a_wish, NULL );
    issue( &b, &b_wish, NULL );
    issue( &a_by_b, &a_wish, &b );
    issue( &b_by_a, &b_wish, &a );
    issue( &leaf, &leaf_wish, &a );
    der[0] = leaf.der;
    for (i = 1; i < 40; i++) der[i] = i & 1 ? a_by_b.der : b_by_a.der;
    expect( judge( der, 3, "a.example.test", 0 ) & WH_CERT_UNKNOWN_CA );
    expect( judge( der, 40, "a.example.test", 0 ) & WH_CERT_UNKNOWN_CA );
    issued_free( &leaf );
    issued_free( &a_by_b );
    issued_free( &b_by_a );
    issued_free( &a );
    issued_free( &b );
}

/* ---- links of a chain that others have found ---- */

static uint32_t links( const gnutls_datum_t *der, unsigned int count, uint32_t flags, uint32_t *bits )
{
    struct wh_links_params params = { .tls_flags = flags };
    uint8_t list[40 * 1024], *out = list;
    unsigned int i;
    uint32_t len;

    for (i = 0; i < count; i++)
    {
        len = der[i].size;
        memcpy( out, &len, sizeof(len) );
        memcpy( out + sizeof(len), der[i].data, len );
        out += sizeof(len) + len;
    }
    params.chain = wh_from_ptr( list );
    params.chain_len = out - list;
    expect( links_call( &params ) == WH_DONE );
    *bits = params.bits;
    return params.error;
}

static void test_links_are_judged_without_anybodys_trust(void)
{
    static const struct wish middle_wish = { MIDDLE }, leaf_wish = { LEAF };
    static const struct wish old_wish = { LEAF, .from_days = -9, .until_days = -3 };
    struct issued middle, leaf, other, old;
    gnutls_datum_t der[3];
    uint32_t bits;

    issue( &middle, &middle_wish, &stranger );           /* whom the trust list does not know */
    issue( &leaf, &leaf_wish, &middle );
    issue( &other, &leaf_wish, &stranger );
    issue( &old, &old_wish, &middle );
    der[0] = leaf.der;
    der[1] = middle.der;
    der[2] = stranger.der;
    expect( links( der, 3, 0, &bits ) == WHE_OK && !bits );
    expect( links( der, 2, 0, &bits ) == WHE_OK && !bits );
    expect( links( der, 1, 0, &bits ) == WHE_OK && !bits );       /* there is none */

    der[2] = root.der;                                   /* who has issued none of these */
    expect( links( der, 3, 0, &bits ) == WHE_OK && bits == WH_CERT_INVALID );
    expect( links( der, 3, IGNORE_ALL, &bits ) == WHE_OK && bits == WH_CERT_INVALID );
    der[0] = middle.der;
    der[1] = limited.der;
    expect( links( der, 2, 0, &bits ) == WHE_OK && bits == WH_CERT_INVALID );
    der[0] = other.der;
    der[1] = middle.der;
    der[2] = stranger.der;                               /* there is a way, but not by the one in between */
    expect( links( der, 2, 0, &bits ) == WHE_OK && bits == WH_CERT_INVALID );
    der[0] = old.der;
    expect( links( der, 3, 0, &bits ) == WHE_OK && bits == WH_CERT_DATE );
    expect( links( der, 3, WH_TLS_IGNORE_DATE, &bits ) == WHE_OK && !bits );
    der[0] = leaf.der;
    leaf.der.data[leaf.der.size - 1] ^= 1;
    expect( links( der, 3, IGNORE_ALL, &bits ) == WHE_OK && bits == WH_CERT_INVALID );
    issued_free( &old );
    issued_free( &other );
    issued_free( &leaf );
    issued_free( &middle );
}

static void test_broken_list_of_links_is_invalid(void)
{
    struct wh_links_params params = { 0 };
    gnutls_datum_t der[17];
    uint8_t list[8] = { 5, 0, 0, 0, 1, 2, 3, 4 };
    uint32_t bits;
    int i;

    expect( links_call( &params ) == WH_REFUSED );
    params.chain = wh_from_ptr( list );
    for (i = 0; i <= 8; i++)
    {
        params.chain_len = i;
        expect( links_call( &params ) == WH_DONE && params.error == WHE_INVALID );
    }
    list[0] = 4;                                         /* whole, but no certificate */
    expect( links_call( &params ) == WH_DONE && params.error == WHE_INVALID );
    for (i = 0; i < 17; i++) der[i] = root.der;
    expect( links( der, 17, 0, &bits ) == WHE_INVALID );
}

int main(void)
{
    static const struct wish root_wish = { .cn = "Root", .ca = 1 }, stranger_wish = { .cn = "Stranger", .ca = 1 };
    char path[] = "/tmp/winhttp-root-XXXXXX";
    int fd = mkstemp( path );

    expect( fd >= 0 );
    close( fd );
    issue( &root, &root_wish, NULL );
    issue( &stranger, &stranger_wish, NULL );
    issue( &limited, &root_wish, NULL );
    issued_trust( &root, path );
    expect( tls_trust_load() == WHE_OK );
    expect( tls_trust_count() == 1 );

    run( test_names_match_as_the_rules_say );
    run( test_each_flaw_of_a_chain_has_its_bit_and_its_flag );
    run( test_path_length_counts_authorities_below );
    run( test_forged_signature_is_invalid_whatever_is_ignored );
    run( test_incomplete_chain_is_an_unknown_authority );
    run( test_other_key_under_a_trusted_name_is_not_trusted );
    run( test_long_and_circular_chains_come_to_an_end );
    run( test_links_are_judged_without_anybodys_trust );
    run( test_broken_list_of_links_is_invalid );

    tls_shutdown();
    issued_free( &root );
    issued_free( &stranger );
    issued_free( &limited );
    unlink( path );
    return test_end( "tls_chain" );
}
