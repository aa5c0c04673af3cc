/*
 * The helper functions of proxy scripts, in JScript
 *
 * What a program could use to reach beyond names and addresses goes first: ActiveXObject and GetObject are replaced here,
 * and refused by the engine's security manager as well (pac_engine.c).
 *
 * Helpers answer false, or what means "nothing", to arguments that make no sense: a script with a mistake in one rule goes
 * on to its next. Source: behaviour-concepts.md section 4.7. Choices: names are compared without regard to case, and where
 * the end of a range lies before its start, it goes over midnight, Sunday or New Year.
 */

#include <stdarg.h>
#include <windef.h>
#include <winbase.h>

#include "pac_prelude.h"

const WCHAR pac_prelude[] =
    L"var ActiveXObject = undefined, GetObject = undefined, Enumerator = undefined, VBArray = undefined;\n"

    /* names */
    L"function isPlainHostName(host) { return !/[.:]/.test(host); }\n"
    L"function dnsDomainIs(host, domain) {\n"
    L"  host = String(host).toLowerCase(); domain = String(domain).toLowerCase();\n"
    L"  return host.length >= domain.length && host.substring(host.length - domain.length) == domain; }\n"
    L"function localHostOrDomainIs(host, full) {\n"
    L"  host = String(host).toLowerCase(); full = String(full).toLowerCase();\n"
    L"  return host == full || full.substring(0, host.length + 1) == host + '.'; }\n"
    L"function dnsDomainLevels(host) { return String(host).split('.').length - 1; }\n"
    L"function shExpMatch(text, pattern) { return __winhttp.match(String(text), String(pattern)); }\n"

    /* addresses */
    L"function dnsResolve(host) { return host && __winhttp.resolve(String(host)) || null; }\n"
    L"function dnsResolveEx(host) { return host ? __winhttp.resolveEx(String(host)) : ''; }\n"
    L"function isResolvable(host) { return !!dnsResolve(host); }\n"
    L"function isResolvableEx(host) { return dnsResolveEx(host) != ''; }\n"
    L"function isInNet(host, pattern, mask) {\n"
    L"  return !!host && __winhttp.inNet(String(host), String(pattern), String(mask)); }\n"
    L"function isInNetEx(host, prefix) { return !!host && __winhttp.inPrefix(String(host), String(prefix)); }\n"
    L"function myIpAddress() { return __winhttp.local(); }\n"
    L"function myIpAddressEx() { return __winhttp.localEx(); }\n"
    L"function sortIpAddressList(list) { return list ? __winhttp.sort(String(list)) : ''; }\n"
    L"function getClientVersion() { return '1.0'; }\n"
    L"function alert(text) { __winhttp.alert(String(text)); }\n"

    /* time */
    L"(function() {\n"
    L"  var days = 'SUN MON TUE WED THU FRI SAT'.split(' ');\n"
    L"  var months = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');\n"
    L"  function index(list, text) {\n"
    L"    for (var i = 0; i < list.length; i++) if (list[i] == String(text).toUpperCase()) return i;\n"
    L"    return -1; }\n"
    L"  function within(now, from, to) {\n"
    L"    return from <= to ? from <= now && now <= to : now >= from || now <= to; }\n"

    /* Takes a last "GMT" off; [weekday, day, month, year, hour, minute, second]. */
    L"  function clock(args) {\n"
    L"    var d = new Date();\n"
    L"    if (!args.length || String(args[args.length - 1]).toUpperCase() != 'GMT')\n"
    L"      return [d.getDay(), d.getDate(), d.getMonth(), d.getFullYear(), d.getHours(), d.getMinutes(), d.getSeconds()];\n"
    L"    args.pop();\n"
    L"    return [d.getUTCDay(), d.getUTCDate(), d.getUTCMonth(), d.getUTCFullYear(), d.getUTCHours(), d.getUTCMinutes(),\n"
    L"            d.getUTCSeconds()]; }\n"
    L"  function list(args) { var a = []; for (var i = 0; i < args.length; i++) a.push(args[i]); return a; }\n"

    L"  weekdayRange = function() {\n"
    L"    var args = list(arguments), now = clock(args), from = index(days, args[0]), to = from;\n"
    L"    if (args.length == 2) to = index(days, args[1]);\n"
    L"    return args.length >= 1 && args.length <= 2 && from >= 0 && to >= 0 && within(now[0], from, to); };\n"

    /* Each date is a number of which the parts that are not given are 0; both dates must have the same parts. */
    L"  dateRange = function() {\n"
    L"    var args = list(arguments), now = clock(args), half = args.length, values = [0, 0], kinds = ['', ''];\n"
    L"    if (half > 1) half /= 2;\n"
    L"    if (half != 1 && half != 2 && half != 3) return false;\n"
    L"    for (var i = 0; i < args.length; i++) {\n"
    L"      var which = i < half ? 0 : 1, month = index(months, args[i]), value = Number(args[i]);\n"
    L"      if (month >= 0) { kinds[which] += 'm'; values[which] += month * 100; }\n"
    L"      else if (value >= 1 && value <= 31) { kinds[which] += 'd'; values[which] += value; }\n"
    L"      else if (value > 31) { kinds[which] += 'y'; values[which] += value * 10000; }\n"
    L"      else return false; }\n"
    L"    if (args.length == 1) { kinds[1] = kinds[0]; values[1] = values[0]; }\n"
    L"    if (kinds[0] != kinds[1] || !/^(d|m|y|dm|my|dmy)$/.test(kinds[0])) return false;\n"
    L"    var today = 0;\n"
    L"    if (/d/.test(kinds[0])) today += now[1];\n"
    L"    if (/m/.test(kinds[0])) today += now[2] * 100;\n"
    L"    if (!/y/.test(kinds[0])) return within(today, values[0], values[1]);\n"
    L"    today += now[3] * 10000;\n"
    L"    return values[0] <= today && today <= values[1]; };\n"

    /* As given, so precise: two hours include the last minute of the second one. The day may end at 24. */
    L"  timeRange = function() {\n"
    L"    var args = list(arguments), now = clock(args), half = args.length, time = 0, from = 0, to = 0;\n"
    L"    if (half > 1) half /= 2;\n"
    L"    if (half != 1 && half != 2 && half != 3) return false;\n"
    L"    for (var i = 0; i < half; i++) {\n"
    L"      var start = Number(args[i]), end = Number(args[args.length > 1 ? half + i : i]), limit = i ? 59 : 24;\n"
    L"      if (!(start >= 0 && start <= limit && end >= 0 && end <= limit)) return false;\n"
    L"      time = time * 60 + now[4 + i]; from = from * 60 + start; to = to * 60 + end; }\n"
    L"    return within(time, from, to); };\n"
    L"})();\n"
    L"var weekdayRange, dateRange, timeRange;\n";
