/*
 * WebSocket: the cases of the Autobahn test suite, as a fuzzing server plays them against a client that echoes
 *
 * Each row is a case: what the server sends, and what must come of it: the messages that the program gets and echoes, the
 * pongs, and how it ends. Rows are played with the bytes arriving all at once, one at a time, in two parts for each split of
 * short ones, and with program buffers of 1, 7 and 64 KiB. The suite's "chopped" variants of a case are those ways of arriving,
 * so such rows exist once and name all their numbers.
 */

#include "ws_script.h"

struct row
{
    const char  *cases;
    const char  *wire;          /* see bytes_words */
    const char  *messages;      /* echoed; the same notation */
    const char  *pongs;
    unsigned int code;          /* of the close frame that the client sends: 1000: it answers one that the server sends behind
                                 * the row's frames; else the row ends with the client's */
};

#define FAIL   1002
#define TEXT   1007
#define CLEAN  1000

/* A row whose own frames contain a close: the client answers with its code, 1005 as an empty frame. */
#define CLOSES 0x10000

static const struct row rows[] =
{
    /* 1.1.* text, 1.2.* binary, by size; larger ones are in test_sizes */
    { "1.1.1", "81:", "81:", "", CLEAN },
    { "1.1.2", "81:125*2a", "81:125*2a", "", CLEAN },
    { "1.1.3", "81:126*2a", "81:126*2a", "", CLEAN },
    { "1.1.4", "81:127*2a", "81:127*2a", "", CLEAN },
    { "1.1.5", "81:128*2a", "81:128*2a", "", CLEAN },
    { "1.2.1", "82:", "82:", "", CLEAN },
    { "1.2.2", "82:125*fe", "82:125*fe", "", CLEAN },
    { "1.2.3", "82:126*fe", "82:126*fe", "", CLEAN },
    { "1.2.4", "82:127*fe", "82:127*fe", "", CLEAN },
    { "1.2.5", "82:128*fe", "82:128*fe", "", CLEAN },

    /* 2.* pings and pongs */
    { "2.1", "89:", "", "8a:", CLEAN },
    { "2.2", "89:'Hello, world!'", "", "8a:'Hello, world!'", CLEAN },
    { "2.3", "89:00fffefdfcfb00ff", "", "8a:00fffefdfcfb00ff", CLEAN },
    { "2.4 2.6", "89:125*fe", "", "8a:125*fe", CLEAN },
    { "2.5", "89:126*fe", "", "", FAIL },
    { "2.7", "8a:", "", "", CLEAN },
    { "2.8", "8a:'unsolicited pong payload'", "", "", CLEAN },
    { "2.9", "8a:'unsolicited pong payload' 89:'ping payload'", "", "8a:'ping payload'", CLEAN },
    { "2.10 2.11", "89:'payload-0' 89:'payload-1' 89:'payload-2' 89:'payload-3' 89:'payload-4' 89:'payload-5' 89:'payload-6' "
      "89:'payload-7' 89:'payload-8' 89:'payload-9'", "",
      "8a:'payload-0' 8a:'payload-1' 8a:'payload-2' 8a:'payload-3' 8a:'payload-4' 8a:'payload-5' 8a:'payload-6' "
      "8a:'payload-7' 8a:'payload-8' 8a:'payload-9'", CLEAN },

    /* 3.* reserved bits */
    { "3.1", "91:'Hello, world!'", "", "", FAIL },
    { "3.2", "81:'Hello, world!' a1:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },
    { "3.3", "81:'Hello, world!' b1:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },
    { "3.4", "81:'Hello, world!' c1:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },
    { "3.5", "d2:8*00", "", "", FAIL },
    { "3.6", "e9:'Hello, world!'", "", "", FAIL },
    { "3.7", "f8:03e8", "", "", FAIL },

    /* 4.* opcodes */
    { "4.1.1", "83:", "", "", FAIL },
    { "4.1.2", "84:'reserved opcode payload'", "", "", FAIL },
    { "4.1.3", "81:'Hello, world!' 85: 89:", "81:'Hello, world!'", "", FAIL },
    { "4.1.4", "81:'Hello, world!' 86:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },
    { "4.1.5", "81:'Hello, world!' 87:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },
    { "4.2.1", "8b:", "", "", FAIL },
    { "4.2.2", "8c:'reserved opcode payload'", "", "", FAIL },
    { "4.2.3", "81:'Hello, world!' 8d: 89:", "81:'Hello, world!'", "", FAIL },
    { "4.2.4", "81:'Hello, world!' 8e:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },
    { "4.2.5", "81:'Hello, world!' 8f:'Hello, world!' 89:", "81:'Hello, world!'", "", FAIL },

    /* 5.* fragmentation */
    { "5.1", "09:'fragment1' 80:'fragment2'", "", "", FAIL },
    { "5.2", "0a:'fragment1' 80:'fragment2'", "", "", FAIL },
    { "5.3 5.4 5.5", "01:'fragment1' 80:'fragment2'", "81:'fragment1fragment2'", "", CLEAN },
    { "5.6 5.7 5.8", "01:'fragment1' 89:'ping payload' 80:'fragment2'", "81:'fragment1fragment2'", "8a:'ping payload'", CLEAN },
    { "5.9 5.10 5.11", "80:'non-continuation payload' 81:'Hello, world!'", "", "", FAIL },
    { "5.12 5.13 5.14", "00:'non-continuation payload' 81:'Hello, world!'", "", "", FAIL },
    { "5.15", "01:'fragment1' 80:'fragment2' 00:'fragment3' 81:'fragment4'", "81:'fragment1fragment2'", "", FAIL },
    { "5.16", "00:'fragment1' 01:'fragment2' 80:'fragment3' 00:'fragment1' 01:'fragment2' 80:'fragment3'", "", "", FAIL },
    { "5.17", "80:'fragment1' 01:'fragment2' 80:'fragment3' 80:'fragment1' 01:'fragment2' 80:'fragment3'", "", "", FAIL },
    { "5.18", "01:'fragment1' 81:'fragment2'", "", "", FAIL },
    { "5.19 5.20", "01:'fragment1' 00:'fragment2' 89:'pongme 1!' 00:'fragment3' 00:'fragment4' 89:'pongme 2!' 80:'fragment5'",
      "81:'fragment1fragment2fragment3fragment4fragment5'", "8a:'pongme 1!' 8a:'pongme 2!'", CLEAN },

    /* 6.1.* empty parts */
    { "6.1.1", "81:", "81:", "", CLEAN },
    { "6.1.2", "01: 00: 80:", "81:", "", CLEAN },
    { "6.1.3", "01: 00:'middle frame payload' 80:", "81:'middle frame payload'", "", CLEAN },
    /* 6.2.* valid, in one frame, two, one for each byte */
    { "6.2.1", "81:'Hello-',c2b5,40c39fc3b6c3a4c3bcc3a0c3a1,'-UTF-8!!'",
      "81:'Hello-',c2b5,40c39fc3b6c3a4c3bcc3a0c3a1,'-UTF-8!!'", "", CLEAN },
    { "6.2.2", "01:'Hello-',c2b5,40c39fc3b6c3a4 80:c3bcc3a0c3a1,'-UTF-8!!'",
      "81:'Hello-',c2b5,40c39fc3b6c3a4c3bcc3a0c3a1,'-UTF-8!!'", "", CLEAN },
    { "6.2.3", "01:'H' 00:'e' 00:'l' 00:'l' 00:'o' 00:'-' 00:c2 00:b5 00:40 00:c3 00:9f 00:c3 00:b6 00:c3 00:a4 80:",
      "81:'Hello-',c2b5,40c39fc3b6c3a4", "", CLEAN },
    { "6.2.4", "01:ce 00:ba 00:e1 00:bd 00:b9 00:cf 00:83 00:ce 00:bc 00:ce 80:b5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    /* 6.3.* invalid in the middle, 6.4.* seen before the message ends */
    { "6.3.1", "81:cebae1bdb9cf83cebcceb5eda080656469746564", "", "", TEXT },
    { "6.3.2", "01:ce 00:ba 00:e1 00:bd 00:b9 00:cf 00:83 00:ce 00:bc 00:ce 00:b5 00:ed 00:a0 00:80 00:65 80:64", "", "", TEXT },
    { "6.4.1", "01:cebae1bdb9cf83cebcceb5 00:f4908080 80:656469746564", "", "", TEXT },
    { "6.4.2", "01:cebae1bdb9cf83cebcceb5f4 00:90 80:8080656469746564", "", "", TEXT },
    { "6.4.3", "=812acebae1bdb9cf83cebcceb5f490808065646974", "", "", TEXT },      /* the rest of the frame does not come */
    { "6.4.4", "=812acebae1bdb9cf83cebcceb5f490", "", "", TEXT },
    /* 6.5.* */
    { "6.5.1", "81:cebae1bdb9cf83cebcceb5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    { "6.5.2", "01:ceba 80:e1bdb9cf83cebcceb5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    { "6.5.3", "01:cebae1 80:bdb9cf83cebcceb5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    { "6.5.4", "01:cebae1bd 80:b9cf83cebcceb5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    { "6.5.5", "01:cebae1bdb9cf 00:83 80:cebcceb5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    /* 6.6.* all prefixes of a valid string: whole characters or not */
    { "6.6.1", "81:ce", "", "", TEXT },
    { "6.6.2", "81:ceba", "81:ceba", "", CLEAN },
    { "6.6.3", "81:cebae1", "", "", TEXT },
    { "6.6.4", "81:cebae1bd", "", "", TEXT },
    { "6.6.5", "81:cebae1bdb9", "81:cebae1bdb9", "", CLEAN },
    { "6.6.6", "81:cebae1bdb9cf", "", "", TEXT },
    { "6.6.7", "81:cebae1bdb9cf83", "81:cebae1bdb9cf83", "", CLEAN },
    { "6.6.8", "81:cebae1bdb9cf83ce", "", "", TEXT },
    { "6.6.9", "81:cebae1bdb9cf83cebc", "81:cebae1bdb9cf83cebc", "", CLEAN },
    { "6.6.10", "81:cebae1bdb9cf83cebcce", "", "", TEXT },
    { "6.6.11", "81:cebae1bdb9cf83cebcceb5", "81:cebae1bdb9cf83cebcceb5", "", CLEAN },
    /* 6.7.* first, 6.9.* last of a length; 6.8.*, 6.10.* lengths that there are not */
    { "6.7.1", "81:00", "81:00", "", CLEAN },
    { "6.7.2", "81:c280", "81:c280", "", CLEAN },
    { "6.7.3", "81:e0a080", "81:e0a080", "", CLEAN },
    { "6.7.4", "81:f0908080", "81:f0908080", "", CLEAN },
    { "6.8.1", "81:f888808080", "", "", TEXT },
    { "6.8.2", "81:fc8480808080", "", "", TEXT },
    { "6.9.1", "81:7f", "81:7f", "", CLEAN },
    { "6.9.2", "81:dfbf", "81:dfbf", "", CLEAN },
    { "6.9.3", "81:efbfbf", "81:efbfbf", "", CLEAN },
    { "6.9.4", "81:f48fbfbf", "81:f48fbfbf", "", CLEAN },
    { "6.10.1", "81:f7bfbfbf", "", "", TEXT },
    { "6.10.2", "81:fbbfbfbfbf", "", "", TEXT },
    { "6.10.3", "81:fdbfbfbfbfbf", "", "", TEXT },
    /* 6.11.* other boundaries */
    { "6.11.1", "81:ed9fbf", "81:ed9fbf", "", CLEAN },
    { "6.11.2", "81:ee8080", "81:ee8080", "", CLEAN },
    { "6.11.3", "81:efbfbd", "81:efbfbd", "", CLEAN },
    { "6.11.4", "81:f48fbfbf", "81:f48fbfbf", "", CLEAN },
    { "6.11.5", "81:f4908080", "", "", TEXT },
    /* 6.12.* lonely continuations */
    { "6.12.1", "81:80", "", "", TEXT },
    { "6.12.2", "81:bf", "", "", TEXT },
    { "6.12.3", "81:80bf", "", "", TEXT },
    { "6.12.4", "81:80bf80", "", "", TEXT },
    { "6.12.5", "81:80bf80bf", "", "", TEXT },
    { "6.12.6", "81:80bf80bf80", "", "", TEXT },
    { "6.12.7", "81:80bf80bf80bf", "", "", TEXT },
    { "6.12.8", "81:808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1bf", "", "", TEXT },
    /* 6.13.* lonely first bytes */
    { "6.13.1", "81:c020c120c220c320c420df20", "", "", TEXT },
    { "6.13.2", "81:e020e120e220ef20", "", "", TEXT },
    { "6.13.3", "81:f020f120f420f720", "", "", TEXT },
    { "6.13.4", "81:f820f920fa20fb20", "", "", TEXT },
    { "6.13.5", "81:fc20fd20", "", "", TEXT },
    /* 6.14.* the last byte is missing, 6.15.1 all of these together */
    { "6.14.1", "81:c0", "", "", TEXT },
    { "6.14.2", "81:e080", "", "", TEXT },
    { "6.14.3", "81:f08080", "", "", TEXT },
    { "6.14.4", "81:f8808080", "", "", TEXT },
    { "6.14.5", "81:fc80808080", "", "", TEXT },
    { "6.14.6", "81:df", "", "", TEXT },
    { "6.14.7", "81:efbf", "", "", TEXT },
    { "6.14.8", "81:f7bfbf", "", "", TEXT },
    { "6.14.9", "81:fbbfbfbf", "", "", TEXT },
    { "6.14.10", "81:fdbfbfbfbf", "", "", TEXT },
    { "6.15.1", "81:c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf", "", "", TEXT },
    /* 6.16.* impossible bytes */
    { "6.16.1", "81:fe", "", "", TEXT },
    { "6.16.2", "81:ff", "", "", TEXT },
    { "6.16.3", "81:fefeffff", "", "", TEXT },
    /* 6.17.* to 6.19.* overlong */
    { "6.17.1", "81:c0af", "", "", TEXT },
    { "6.17.2", "81:e080af", "", "", TEXT },
    { "6.17.3", "81:f08080af", "", "", TEXT },
    { "6.17.4", "81:f8808080af", "", "", TEXT },
    { "6.17.5", "81:fc80808080af", "", "", TEXT },
    { "6.18.1", "81:c1bf", "", "", TEXT },
    { "6.18.2", "81:e09fbf", "", "", TEXT },
    { "6.18.3", "81:f08fbfbf", "", "", TEXT },
    { "6.18.4", "81:f887bfbfbf", "", "", TEXT },
    { "6.18.5", "81:fc83bfbfbfbf", "", "", TEXT },
    { "6.19.1", "81:c080", "", "", TEXT },
    { "6.19.2", "81:e08080", "", "", TEXT },
    { "6.19.3", "81:f0808080", "", "", TEXT },
    { "6.19.4", "81:f880808080", "", "", TEXT },
    { "6.19.5", "81:fc8080808080", "", "", TEXT },
    /* 6.20.* surrogates, 6.21.* pairs of them */
    { "6.20.1", "81:eda080", "", "", TEXT },
    { "6.20.2", "81:edadbf", "", "", TEXT },
    { "6.20.3", "81:edae80", "", "", TEXT },
    { "6.20.4", "81:edafbf", "", "", TEXT },
    { "6.20.5", "81:edb080", "", "", TEXT },
    { "6.20.6", "81:edbe80", "", "", TEXT },
    { "6.20.7", "81:edbfbf", "", "", TEXT },
    { "6.21.1", "81:eda080edb080", "", "", TEXT },
    { "6.21.2", "81:eda080edbfbf", "", "", TEXT },
    { "6.21.3", "81:edadbfedb080", "", "", TEXT },
    { "6.21.4", "81:edadbfedbfbf", "", "", TEXT },
    { "6.21.5", "81:edae80edb080", "", "", TEXT },
    { "6.21.6", "81:edae80edbfbf", "", "", TEXT },
    { "6.21.7", "81:edafbfedb080", "", "", TEXT },
    { "6.21.8", "81:edafbfedbfbf", "", "", TEXT },
    /* 6.22.* noncharacters are characters enough */
    { "6.22.1", "81:efbfbe", "81:efbfbe", "", CLEAN },
    { "6.22.2", "81:efbfbf", "81:efbfbf", "", CLEAN },
    { "6.22.3", "81:f09fbfbe", "81:f09fbfbe", "", CLEAN },
    { "6.22.4", "81:f09fbfbf", "81:f09fbfbf", "", CLEAN },
    { "6.22.5", "81:f0afbfbe", "81:f0afbfbe", "", CLEAN },
    { "6.22.6", "81:f0afbfbf", "81:f0afbfbf", "", CLEAN },
    { "6.22.7", "81:f0bfbfbe", "81:f0bfbfbe", "", CLEAN },
    { "6.22.8", "81:f0bfbfbf", "81:f0bfbfbf", "", CLEAN },
    { "6.22.9", "81:f18fbfbe", "81:f18fbfbe", "", CLEAN },
    { "6.22.10", "81:f18fbfbf", "81:f18fbfbf", "", CLEAN },
    { "6.22.11", "81:f19fbfbe", "81:f19fbfbe", "", CLEAN },
    { "6.22.12", "81:f19fbfbf", "81:f19fbfbf", "", CLEAN },
    { "6.22.13", "81:f1afbfbe", "81:f1afbfbe", "", CLEAN },
    { "6.22.14", "81:f1afbfbf", "81:f1afbfbf", "", CLEAN },
    { "6.22.15", "81:f1bfbfbe", "81:f1bfbfbe", "", CLEAN },
    { "6.22.16", "81:f1bfbfbf", "81:f1bfbfbf", "", CLEAN },
    { "6.22.17", "81:f28fbfbe", "81:f28fbfbe", "", CLEAN },
    { "6.22.18", "81:f28fbfbf", "81:f28fbfbf", "", CLEAN },
    { "6.22.19", "81:f29fbfbe", "81:f29fbfbe", "", CLEAN },
    { "6.22.20", "81:f29fbfbf", "81:f29fbfbf", "", CLEAN },
    { "6.22.21", "81:f2afbfbe", "81:f2afbfbe", "", CLEAN },
    { "6.22.22", "81:f2afbfbf", "81:f2afbfbf", "", CLEAN },
    { "6.22.23", "81:f2bfbfbe", "81:f2bfbfbe", "", CLEAN },
    { "6.22.24", "81:f2bfbfbf", "81:f2bfbfbf", "", CLEAN },
    { "6.22.25", "81:f38fbfbe", "81:f38fbfbe", "", CLEAN },
    { "6.22.26", "81:f38fbfbf", "81:f38fbfbf", "", CLEAN },
    { "6.22.27", "81:f39fbfbe", "81:f39fbfbe", "", CLEAN },
    { "6.22.28", "81:f39fbfbf", "81:f39fbfbf", "", CLEAN },
    { "6.22.29", "81:f3afbfbe", "81:f3afbfbe", "", CLEAN },
    { "6.22.30", "81:f3afbfbf", "81:f3afbfbf", "", CLEAN },
    { "6.22.31", "81:f3bfbfbe", "81:f3bfbfbe", "", CLEAN },
    { "6.22.32", "81:f3bfbfbf", "81:f3bfbfbf", "", CLEAN },
    { "6.22.33", "81:f48fbfbe", "81:f48fbfbe", "", CLEAN },
    { "6.22.34", "81:f48fbfbf", "81:f48fbfbf", "", CLEAN },
    /* 6.23.* specials */
    { "6.23.1", "81:efbfb9", "81:efbfb9", "", CLEAN },
    { "6.23.2", "81:efbfba", "81:efbfba", "", CLEAN },
    { "6.23.3", "81:efbfbb", "81:efbfbb", "", CLEAN },
    { "6.23.4", "81:efbfbc", "81:efbfbc", "", CLEAN },
    { "6.23.5", "81:efbfbd", "81:efbfbd", "", CLEAN },
    { "6.23.6", "81:efbfbe", "81:efbfbe", "", CLEAN },
    { "6.23.7", "81:efbfbf", "81:efbfbf", "", CLEAN },

    /* 7.1.* what comes behind a close does not count; 7.1.6 is in test_sizes */
    { "7.1.1", "81:'Hello World!' 88:03e8", "81:'Hello World!'", "", CLOSES | 1000 },
    { "7.1.2", "88:03e8 88:03e8", "", "", CLOSES | 1000 },
    { "7.1.3", "88:03e8 89:", "", "", CLOSES | 1000 },
    { "7.1.4", "88:03e8 81:'Hello World!'", "", "", CLOSES | 1000 },
    { "7.1.5", "01:'fragment1' 88:03e8 80:'fragment2'", "", "", CLOSES | 1000 },
    /* 7.3.* payloads of close frames */
    { "7.3.1", "88:", "", "", CLOSES | 1005 },
    { "7.3.2", "88:'a'", "", "", FAIL },
    { "7.3.3", "88:03e8", "", "", CLOSES | 1000 },
    { "7.3.4", "88:03e8,'Hello World!'", "", "", CLOSES | 1000 },
    { "7.3.5", "88:03e8,123*2a", "", "", CLOSES | 1000 },
    { "7.3.6", "88:03e8,124*2a", "", "", FAIL },
    { "7.5.1", "88:03e8,cebae1bdb9cf83cebcceb5eda080656469746564", "", "", TEXT },
    /* 7.7.* codes that may be sent */
    { "7.7.1", "88:03e8", "", "", CLOSES | 1000 },
    { "7.7.2", "88:03e9", "", "", CLOSES | 1001 },
    { "7.7.3", "88:03ea", "", "", CLOSES | 1002 },
    { "7.7.4", "88:03eb", "", "", CLOSES | 1003 },
    { "7.7.5", "88:03ef", "", "", CLOSES | 1007 },
    { "7.7.6", "88:03f0", "", "", CLOSES | 1008 },
    { "7.7.7", "88:03f1", "", "", CLOSES | 1009 },
    { "7.7.8", "88:03f2", "", "", CLOSES | 1010 },
    { "7.7.9", "88:03f3", "", "", CLOSES | 1011 },
    { "7.7.10", "88:0bb8", "", "", CLOSES | 3000 },
    { "7.7.11", "88:0f9f", "", "", CLOSES | 3999 },
    { "7.7.12", "88:0fa0", "", "", CLOSES | 4000 },
    { "7.7.13", "88:1387", "", "", CLOSES | 4999 },
    { "7.7 (registered since)", "88:03f4", "", "", CLOSES | 1012 },
    { "7.7 (registered since)", "88:03f6", "", "", CLOSES | 1014 },
    /* 7.9.* codes that may not */
    { "7.9.1", "88:0000", "", "", FAIL },
    { "7.9.2", "88:03e7", "", "", FAIL },
    { "7.9.3", "88:03ec", "", "", FAIL },
    { "7.9.4", "88:03ed", "", "", FAIL },
    { "7.9.5", "88:03ee", "", "", FAIL },
    { "7.9.6", "88:03f8", "", "", FAIL },
    { "7.9.7", "88:044c", "", "", FAIL },
    { "7.9.8", "88:07d0", "", "", FAIL },
    { "7.9.9", "88:0bb7", "", "", FAIL },
    { "7.9 (1015)", "88:03f7", "", "", FAIL },
    { "7.13.1", "88:1388", "", "", FAIL },
    { "7.13.2", "88:ffff", "", "", FAIL },

    /* What the suite cannot send: framing that a length can lie about, masks from a server */
    { "masked", "=818500000000,'Hello'", "", "", FAIL },
    { "length 125 in 16 bits", "=827e007d", "", "", FAIL },
    { "length 65535 in 64 bits", "=827f000000000000ffff", "", "", FAIL },
    { "length 2^63", "=827f8000000000000000", "", "", FAIL },
    { "ping with a 16 bit length", "=897e007d", "", "", FAIL },
    { "close with a 64 bit length", "=887f0000000000010000", "", "", FAIL },
    { "a new message inside one", "01:'a' 82:'b'", "", "", FAIL },
    { "a continuation behind a whole message", "82:'a' 80:'b'", "82:'a'", "", FAIL },
    { "rsv1 on a continuation", "01:'a' c0:'b'", "", "", FAIL },
    { "good ones before a bad one", "81:'a' 01:'b' 89:'c' 80:'d' 82:00 93:", "81:'a' 81:'bd' 82:00", "8a:'c'", FAIL },
};

static const char *playing;

/* Says which row, and how it was played. */
static void complain( const struct row *row, const struct ws_play *play )
{
    fprintf( stderr, "  case %s, first %zu, step %zu, buffer %zu: %u got, %u sent, error %u (%u), closed %d\n",
             row ? row->cases : playing, play->first, play->step, play->buffer, play->got.count, play->sent.count, play->error,
             play->detail, play->closed );
}

static unsigned int close_code( const struct ws_list *list )
{
    const struct ws_item *last = list->count ? &list->items[list->count - 1] : NULL;

    if (!last || last->opcode != WS_CLOSE) return 0;
    return last->data.len < 2 ? 1005 : last->data.data[0] << 8 | last->data.data[1];
}

static void words_list( const char *words, struct ws_list *list )
{
    struct bytes bytes = { 0 };
    size_t at = 0;

    bytes_words( &bytes, words );
    while (at < bytes.len)
    {
        struct ws_frame frame;

        at += ws_frame_parse( &frame, bytes.data + at, bytes.len - at );
        list_add( list, frame.opcode, bytes.data + at, frame.len );
        at += frame.len;
    }
    bytes_free( &bytes );
}

#define MESSAGES (1 << WS_TEXT | 1 << WS_BINARY)

/* Plays a row in one way. 0: it did not go as it should. */
static int play_row( const struct row *row, struct ws_play *play )
{
    struct ws_list messages = { 0 }, pongs = { 0 };
    int closes = row->code == CLEAN || (row->code & CLOSES), good;

    play->echo = 1;
    words_list( row->messages, &messages );
    words_list( row->pongs, &pongs );
    ws_play( play );
    good = expect( !play->lost );
    good &= expect( list_equal( &play->got, MESSAGES, &messages ) );
    good &= expect( list_equal( &play->sent, MESSAGES, &messages ) );
    good &= expect( list_equal( &play->sent, 1 << WS_PONG, &pongs ) );
    good &= expect( play->closed == closes && play->error == (uint32_t)(closes ? WHE_OK : WHE_PROTOCOL) );
    good &= expect( close_code( &play->sent ) == (row->code & 0xffff) );
    good &= expect( closes || play->detail == row->code );
    if (closes && row->code != CLEAN) good &= expect( play->close_code == (row->code & 0xffff) );
    good &= expect( !(play->reader.zero_masks && play->reader.frames > 1 && play->reader.zero_masks == (int)play->reader.frames) );
    if (!good) complain( row, play );
    list_free( &messages );
    list_free( &pongs );
    ws_play_free( play );
    return good;
}

static void test_each_case_however_it_arrives(void)
{
    static const size_t buffers[] = { 65536, 7, 1 };
    unsigned int i, j;
    size_t split;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    {
        struct bytes wire = { 0 };
        int good = 1;

        bytes_words( &wire, rows[i].wire );
        if (rows[i].code == CLEAN) bytes_words( &wire, "88:03e8" );
        for (j = 0; j < 3 && good; j++)
        {
            struct ws_play play = { .wire = wire.data, .len = wire.len, .buffer = buffers[j] };

            play.first = wire.len;                                  /* behind the head, in one piece with it */
            good = play_row( &rows[i], &play );
            play.first = 0;
            good = good && play_row( &rows[i], &play );             /* in one piece, but later */
            play.step = 1;
            good = good && play_row( &rows[i], &play );
            play.step = 997;                                        /* the suite's chops */
            good = good && play_row( &rows[i], &play );
            play.step = 0;
            play.read_max = 3;                                      /* the stream gives little at a time */
            good = good && play_row( &rows[i], &play );
            play.read_max = 0;
            if (wire.len > 64 && j) continue;
            for (split = 1; split < wire.len && good; split++)
            {
                play.first = split;
                good = play_row( &rows[i], &play );
            }
        }
        bytes_free( &wire );
    }
}

/* Large ones. */

static void fill_text( struct bytes *bytes, size_t len )
{
    static const uint8_t sample[] = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4 \xf0\x9f\x98\x80 ";

    while (bytes->len + sizeof(sample) - 1 <= len) bytes_add( bytes, sample, sizeof(sample) - 1 );
    bytes_fill( bytes, '*', len - bytes->len );
}

static void fill_binary( struct bytes *bytes, size_t len )
{
    uint32_t seed = 1;
    uint8_t byte;

    while (bytes->len < len)
    {
        seed = seed * 1103515245 + 12345;
        byte = (uint8_t)(seed >> 16);
        bytes_add( bytes, &byte, 1 );
    }
}

/* A message in frames of `fragment` bytes (0: one). */
static void add_message( struct bytes *wire, unsigned int opcode, const struct bytes *message, size_t fragment )
{
    size_t at = 0, part;

    do
    {
        part = fragment && message->len - at > fragment ? fragment : message->len - at;
        bytes_frame( wire, (at ? WS_CONTINUATION : opcode) | (at + part == message->len ? WS_FIN : 0), message->data + at, part );
        at += part;
    } while (at < message->len);
}

struct large
{
    const char  *cases;
    size_t       size;
    unsigned int count;            /* messages */
    size_t       fragment, step, buffer;
};

#define KIB 1024
#define MIB (1024 * 1024)

static const struct large larges[] =
{
    { "1.1.6 1.2.6", 65535, 1, 0, 0, 65536 },
    { "1.1.7 1.2.7", 65536, 1, 0, 0, 65536 },
    { "1.1.8 1.2.8", 65536, 1, 0, 997, 65536 },
    { "7.1.6", 256 * KIB, 1, 0, 0, 65536 },
    { "9.1.1 9.2.1", 64 * KIB, 1, 0, 0, 4 * MIB },
    { "9.1.2 9.2.2", 256 * KIB, 1, 0, 0, 4 * MIB },
    { "9.1.3 9.2.3", MIB, 1, 0, 0, 4 * MIB },
    { "9.1.4 9.2.4", 4 * MIB, 1, 0, 0, 65536 },
    { "9.1.5 9.2.5", 8 * MIB, 1, 0, 0, MIB },
    { "9.1.6 9.2.6", 16 * MIB, 1, 0, 0, 16 * MIB },
    { "9.3.1 9.4.1", 4 * MIB, 1, 64, 0, 65536 },
    { "9.3.2 9.4.2", 4 * MIB, 1, 256, 0, 65536 },
    { "9.3.3 9.4.3", 4 * MIB, 1, KIB, 0, 65536 },
    { "9.3.4 9.4.4", 4 * MIB, 1, 4 * KIB, 0, 65536 },
    { "9.3.5 9.4.5", 4 * MIB, 1, 16 * KIB, 0, 65536 },
    { "9.3.6 9.4.6", 4 * MIB, 1, 64 * KIB, 0, 65536 },
    { "9.3.7 9.4.7", 4 * MIB, 1, 256 * KIB, 0, MIB },
    { "9.3.8 9.4.8", 4 * MIB, 1, MIB, 0, MIB },
    { "9.3.9 9.4.9", 4 * MIB, 1, 4 * MIB, 0, 4 * MIB },
    { "9.5.1 9.6.1", MIB, 1, 0, 64, 65536 },
    { "9.5.2 9.6.2", MIB, 1, 0, 128, 65536 },
    { "9.5.3 9.6.3", MIB, 1, 0, 256, 65536 },
    { "9.5.4 9.6.4", MIB, 1, 0, 512, 65536 },
    { "9.5.5 9.6.5", MIB, 1, 0, 1024, 65536 },
    { "9.5.6 9.6.6", MIB, 1, 0, 2048, 65536 },
    { "9.7.1 9.8.1", 0, 1000, 0, 0, 65536 },
    { "9.7.2 9.8.2", 16, 1000, 0, 0, 65536 },
    { "9.7.3 9.8.3", 64, 1000, 0, 0, 65536 },
    { "9.7.4 9.8.4", 256, 1000, 0, 0, 65536 },
    { "9.7.5 9.8.5", 1024, 1000, 0, 0, 65536 },
    { "9.7.6 9.8.6", 4096, 1000, 0, 0, 65536 },
    { "10.1.1", 65536, 1, 1300, 0, 65536 },
    { "small buffer", 65536, 3, 1000, 0, 256 },
    { "in place, then not", 200001, 2, 0, 0, 50000 },
};

static void play_large( const struct large *large, unsigned int opcode )
{
    struct bytes message = { 0 }, wire = { 0 };
    struct ws_play play = { .step = large->step, .buffer = large->buffer, .echo = 1 };
    unsigned int i;
    int good;

    (opcode == WS_TEXT ? fill_text : fill_binary)( &message, large->size );
    for (i = 0; i < large->count; i++) add_message( &wire, opcode, &message, large->fragment );
    bytes_words( &wire, "88:03e8 89:" );    /* 7.1.6 ends with a ping */
    play.wire = wire.data;
    play.len = wire.len;
    ws_play( &play );
    good = expect( !play.lost && !play.error && play.closed && close_code( &play.sent ) == 1000 );
    good &= expect( play.got.count == large->count && play.sent.count == large->count + 1 );
    for (i = 0; i < play.got.count && good; i++)
    {
        const struct ws_item *got = &play.got.items[i], *sent = &play.sent.items[i];

        good = expect( got->opcode == opcode && got->data.len == message.len &&
                       (!message.len || !memcmp( got->data.data, message.data, message.len )) ) &&
               expect( sent->opcode == opcode && sent->data.len == message.len &&
                       (!message.len || !memcmp( sent->data.data, message.data, message.len )) );
    }
    /* whatever its length, a message that is sent as one piece is one frame */
    good &= expect( play.reader.frames == large->count );
    playing = large->cases;
    if (!good) complain( NULL, &play );
    ws_play_free( &play );
    bytes_free( &message );
    bytes_free( &wire );
}

static void test_sizes(void)
{
    unsigned int i;

    for (i = 0; i < sizeof(larges) / sizeof(larges[0]); i++)
    {
        play_large( &larges[i], WS_TEXT );
        play_large( &larges[i], WS_BINARY );
    }
}

/* 12.* and 13.*: permessage-deflate. */

struct deflater
{
    z_stream stream;
    int      no_context;
};

/* A message as a server compresses it, in frames of `fragment` bytes (0: one). */
static void add_deflated( struct bytes *wire, struct deflater *deflater, unsigned int opcode, const struct bytes *message,
                          size_t fragment )
{
    struct bytes packed = { 0 };
    uint8_t piece[4096];
    size_t at = 0, part;

    deflater->stream.next_in = message->data;
    deflater->stream.avail_in = (uInt)message->len;
    do
    {
        deflater->stream.next_out = piece;
        deflater->stream.avail_out = sizeof(piece);
        deflate( &deflater->stream, Z_SYNC_FLUSH );
        bytes_add( &packed, piece, sizeof(piece) - deflater->stream.avail_out );
    } while (!deflater->stream.avail_out);
    if (packed.len >= 4) packed.len -= 4;
    if (!packed.len) bytes_fill( &packed, 0, 1 );    /* there was nothing to flush: RFC 7692 section 7.2.3.6 */
    if (deflater->no_context) deflateReset( &deflater->stream );
    do
    {
        part = fragment && packed.len - at > fragment ? fragment : packed.len - at;
        bytes_frame( wire, (at ? WS_CONTINUATION : opcode | WS_RSV1) | (at + part == packed.len ? WS_FIN : 0),
                     packed.data + at, part );
        at += part;
    } while (at < packed.len);
    bytes_free( &packed );
}

/* What the suite's 12.1 to 12.5 compress: JSON, UTF-8 text, binary that does not shrink, HTML, lower entropy. */
static void fill_data( struct bytes *bytes, unsigned int set, size_t len )
{
    char text[64];
    unsigned int i = 0;

    switch (set)
    {
    case 1:
        while (bytes->len < len)
            bytes_add( bytes, text, snprintf( text, sizeof(text), "{\"id\": %u, \"name\": \"item %u\"},\n", i, i * 7919 % 1000 ) ), i++;
        break;
    case 2:
        fill_text( bytes, len );
        break;
    case 3:
        fill_binary( bytes, len );
        break;
    case 4:
        while (bytes->len < len)
            bytes_add( bytes, text, snprintf( text, sizeof(text), "<tr><td class=\"a%u\">%u</td></tr>\n", i % 5, i * 31 ) ), i++;
        break;
    default:
        bytes_fill( bytes, 'x', len );
        break;
    }
    bytes->len = len;
}

struct agreement
{
    const char  *cases;
    const char  *offer, *answer;
    unsigned int server_bits, client_bits;
    int          server_no_context, client_no_context;
};

#define PMD "Sec-WebSocket-Extensions: permessage-deflate"
#define OFFER_ALL PMD "; client_max_window_bits; server_no_context_takeover\r\n"

static const struct agreement agreements[] =
{
    { "12 13.1", PMD "\r\n", PMD "\r\n", 15, 15, 0, 0 },
    { "13.2", PMD "; server_no_context_takeover; client_max_window_bits\r\n",
      PMD "; server_no_context_takeover\r\n", 15, 15, 1, 0 },
    { "13.3", PMD "; server_max_window_bits=9; client_max_window_bits=9\r\n",
      PMD "; server_max_window_bits=9; client_max_window_bits=9\r\n", 9, 9, 0, 0 },
    { "13.4", PMD "; server_max_window_bits=15; client_max_window_bits=15\r\n",
      PMD "; server_max_window_bits=15; client_max_window_bits=15\r\n", 15, 15, 0, 0 },
    { "13.5", PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9\r\n",
      PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9\r\n",
      9, 9, 1, 1 },
    { "13.6", PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; client_max_window_bits=15\r\n",
      PMD "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; client_max_window_bits=15\r\n",
      15, 15, 1, 1 },
    { "13.7", PMD "; server_no_context_takeover; server_max_window_bits=9, permessage-deflate; server_no_context_takeover, "
      "permessage-deflate\r\n", PMD "\r\n", 15, 15, 0, 0 },
    { "a window that zlib cannot make", PMD "; client_max_window_bits\r\n", PMD "; client_max_window_bits=8\r\n", 15, 8, 0, 0 },
};

static void play_deflated( const struct agreement *agreement, unsigned int set, size_t size, unsigned int count, size_t fragment,
                           size_t step, size_t buffer )
{
    char *head = malloc( 8192 ), *answer = malloc( 8192 );
    struct deflater deflater = { .no_context = agreement->server_no_context };
    struct bytes message = { 0 }, wire = { 0 };
    struct ws_play play = { .head = head, .answer = answer, .buffer = buffer, .step = step, .echo = 1 };
    unsigned int i, opcode = set == 3 ? WS_BINARY : WS_TEXT;
    size_t echoed = 0;
    int good;

    sprintf( head, WS_TEST_HEAD( "%s" ), agreement->offer );
    sprintf( answer, WS_TEST_ANSWER( "%s" ), agreement->answer );
    if (deflateInit2( &deflater.stream, 6, Z_DEFLATED, -(int)agreement->server_bits, 8, Z_DEFAULT_STRATEGY )) abort();
    if (inflateInit2( &play.reader.inflate, -(int)agreement->client_bits )) abort();
    play.reader.inflates = agreement->client_bits > 8;
    play.reader.no_context = agreement->client_no_context;
    if (set == 2) size = size / 21 * 21;    /* whole characters */
    fill_data( &message, set, size );
    for (i = 0; i < count; i++)
    {
        if (i % 7 == 3) add_message( &wire, opcode, &message, fragment );    /* a message need not be compressed */
        else add_deflated( &wire, &deflater, opcode, &message, fragment );
        if (i % 5 == 1) bytes_words( &wire, "89:'ping'" );
    }
    bytes_words( &wire, "88:03e8" );
    play.wire = wire.data;
    play.len = wire.len;
    ws_play( &play );
    good = expect( !play.lost && !play.error && play.closed && close_code( &play.sent ) == 1000 );
    good &= expect( play.got.count == count );
    for (i = 0; i < play.got.count && good; i++)
        good = expect( play.got.items[i].opcode == opcode && play.got.items[i].data.len == message.len &&
                       (!message.len || !memcmp( play.got.items[i].data.data, message.data, message.len )) );
    for (i = 0; i < play.sent.count && good; i++)
    {
        if (!(MESSAGES >> play.sent.items[i].opcode & 1)) continue;
        good = expect( play.sent.items[i].opcode == opcode && play.sent.items[i].data.len == message.len &&
                       (!message.len || !memcmp( play.sent.items[i].data.data, message.data, message.len )) );
        echoed++;
    }
    good &= expect( echoed == count );
    playing = agreement->cases;
    if (!good) complain( NULL, &play );
    ws_play_free( &play );
    bytes_free( &message );
    bytes_free( &wire );
    deflateEnd( &deflater.stream );
    inflateEnd( &play.reader.inflate );
    free( head );
    free( answer );
}

static void test_compressed_messages(void)
{
    /* 12.x.1 to 12.x.10 are sizes, 12.x.11 to 12.x.18 the same in fragments */
    static const size_t sizes[] = { 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072 };
    static const size_t fragments[] = { 0, 256, 1024, 32768 };
    unsigned int set, i, j;

    for (set = 1; set <= 5; set++)
        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            for (j = 0; j < sizeof(fragments) / sizeof(fragments[0]); j++)
                play_deflated( &agreements[0], set, sizes[i], sizes[i] > 8192 ? 10 : 50, fragments[j], 0, 65536 );
}

static void test_compression_as_agreed(void)
{
    unsigned int i, set;

    for (i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++)
        for (set = 1; set <= 5; set++)
        {
            play_deflated( &agreements[i], set, 0, 10, 0, 0, 4096 );
            play_deflated( &agreements[i], set, 1000, 20, 0, 0, 4096 );
            play_deflated( &agreements[i], set, 1000, 20, 1, 0, 4096 );
            play_deflated( &agreements[i], set, 1000, 10, 0, 1, 1 );
            play_deflated( &agreements[i], set, 20000, 10, 100, 13, 7 );
            play_deflated( &agreements[i], set, 300000, 3, 5000, 0, 1000 );
            play_deflated( &agreements[i], set, 4096, 5, 0, 0, 4096 );
        }
}

int main(void)
{
    struct ws_play warm = { .buffer = 1 };
    long live;

    client_begin( 0 );
    warm.eof = 1;
    ws_play( &warm );    /* whatever is made once is there now */
    buffer_shutdown();
    live = hooks_live();
    run( test_each_case_however_it_arrives );
    run( test_sizes );
    run( test_compressed_messages );
    run( test_compression_as_agreed );
    buffer_shutdown();
    expect( hooks_live() == live );
    client_end();
    return test_end( "ws_autobahn" );
}
