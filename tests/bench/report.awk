# Tables from the result lines of tools/bench: ROW CLIENT result name=value ...
#
# First table: rates and ratios, with the project's targets marked. Second: CPU time, wineserver's CPU time, threads,
# memory, errors. "curl" in a ratio is the libcurl build with the better median in that row, "raw" the better floor.
# Variables: cores, took (seconds of the run). POSIX awk.

function median(list, count,    i, j, x)
{
    if (!count) return -1
    for (i = 2; i <= count; i++)
    {
        x = list[i]
        for (j = i - 1; j >= 1 && list[j] > x; j--) list[j + 1] = list[j]
        list[j + 1] = x
    }
    return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}

# Median of one field over the runs of a row and client; -1 when there is none.
function figure(row, client, field,    i, count, list)
{
    count = runs[row, client]
    for (i = 1; i <= count; i++) list[i] = value[row, client, i, field] + 0
    return median(list, count + 0)
}

function is_time(row)     { return row ~ /^first/ }
function is_transfer(row) { return row ~ /^(download|upload|h2-download|ws-message)/ }
function unit(row)        { return is_time(row) ? "ms" : is_transfer(row) ? "MB/s" : row ~ /^api/ ? "op/s" : "req/s" }
function cpu_unit(row)    { return is_time(row) ? "ms" : is_transfer(row) ? "ms/GiB" : row ~ /^held/ ? "us/req" : "us" }

# What the row is about. For first: milliseconds of the whole process, less those of one that does nothing.
function rate(row, client)
{
    if (!((row, client) in runs)) return -1
    if (!is_time(row)) return figure(row, client, "rate")
    return figure(row, client, "wall") * 1000 - figure(row ":nothing", client, "wall") * 1000
}

function cpu(row, client,    x)
{
    if (!((row, client) in runs)) return -1
    x = is_time(row) ? (figure(row, client, "cpu_total") - figure(row ":nothing", client, "cpu_total")) * 1000 : figure(row, client, "cpu_each")
    return x > 0 ? x : -1   # 0: nothing succeeded
}

# The better of two clients by rate, "" when neither is there.
function better(row, a, b,    x, y)
{
    x = rate(row, a)
    y = rate(row, b)
    if (x < 0 && y < 0) return ""
    if (x < 0 || y < 0) return x < 0 ? b : a
    return (is_time(row) ? y < x : y > x) ? b : a
}

function ratio(x, y) { return x < 0 || y <= 0 ? -1 : x / y }

function number(x)
{
    if (x < 0) return "-"
    return x >= 1000000 ? sprintf("%.2fM", x / 1000000) : x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x)
}

function ratio_text(x) { return x < 0 ? "-" : sprintf("%.2f", x) }

# Adds one condition to the verdict of a row; an unknown figure is never "reached".
function demand(name, x, sign, limit)
{
    demands++
    if (x < 0) { verdict = verdict " " name "?"; missed++ }
    else if (sign == ">=" ? x < limit : x > limit) { verdict = verdict " " name " " ratio_text(x) " (" sign " " limit ")"; missed++ }
}

function judge(row, to_curl, to_stock, to_raw, cpu_curl)
{
    verdict = ""
    demands = missed = 0
    if (row ~ /^get-sync/)       { demand("rate/curl", to_curl, ">=", 1); demand("rate/raw", to_raw, ">=", 0.9); demand("cpu/curl", cpu_curl, "<=", 1.1) }
    if (row ~ /^download/ || row ~ /^upload-64k/)
                                 { demand("rate/curl", to_curl, ">=", 1); demand("rate/raw", to_raw, ">=", 0.95); demand("cpu/curl", cpu_curl, "<=", 1) }
    if (row ~ /^get-async/)      { demand("rate/curl", to_curl, ">=", 1); demand("cpu/curl", cpu_curl, "<=", 1.2)
                                   demand("threads", figure(row, "ours", "threads"), "<=", cores + 4) }
    if (row == "connect/plain")    demand("rate/curl", to_curl, ">=", 1)
    if (row == "connect/tls")      demand("rate/curl", to_curl, ">=", 1.4)
    if (row == "handshake-full/tls") demand("rate/curl", to_curl, ">=", 1)
    # libcurl's rate; where it has no WebSocket, half of what a raw socket does that checks nothing
    if (row ~ /^h2-/)              demand("rate/curl", to_curl, ">=", 1)
    if (row ~ /^ws-/)            { if (to_curl >= 0) demand("rate/curl", to_curl, ">=", 1); else demand("rate/raw", to_raw, ">=", 0.5) }
    if (row ~ /^held/)           { demand("held", figure(row, "ours", "held"), ">=", substr(row, 6) + 0)
                                   demand("answered", figure(row, "ours", "count"), ">=", substr(row, 6) + 0)
                                   demand("threads", figure(row, "ours", "peak_threads"), "<=", 10)
                                   demand("MiB", ratio(figure(row, "ours", "peak_rss_kb"), 1024), "<=", 200) }
    if (row == "first/tls")        demand("time/curl", to_curl, "<=", 1.2)
    if (row ~ /^api-(triple|crack)$/) demand("rate/stock", to_stock, ">=", 1)
    if (row ~ /^api-(add|query)$/)    demand("rate/stock", to_stock, ">=", 3)
    if (demands && errors[row, "ours"]) { verdict = verdict " errors " errors[row, "ours"]; missed++ }
    if (!demands) return "no target"
    rows_with_target++
    if (!missed) { rows_reached++; return "reached" }
    return "MISSED:" verdict
}

{
    row = $1
    client = $2
    n = ++runs[row, client]
    for (i = 4; i <= NF; i++)
    {
        at = index($i, "=")
        value[row, client, n, substr($i, 1, at - 1)] = substr($i, at + 1)
    }
    count = value[row, client, n, "count"] + 0
    bytes = value[row, client, n, "bytes"] + 0
    seconds = value[row, client, n, "seconds"] + 0
    used = (row ~ /^held/ ? value[row, client, n, "cpu_total"] : value[row, client, n, "cpu"]) + 0
    value[row, client, n, "rate"] = seconds <= 0 ? 0 : is_transfer(row) ? (count ? bytes / seconds / 1e6 : 0) : count / seconds
    value[row, client, n, "cpu_each"] = !count ? 0 : is_transfer(row) ? used / bytes * 1073741824 * 1e3 : used / count * 1e6
    value[row, client, n, "server_each"] = !count ? 0 : \
        (value[row, client, n, "server_cpu"] + 0) / (is_transfer(row) ? bytes / 1073741824 / 1e3 : count / 1e6)
    errors[row, client] += value[row, client, n, "errors"]
    # a client that crashed or hung after its result line
    if (value[row, client, n, "exit"] !~ /^[01]$/ && !value[row, client, n, "errors"]) errors[row, client]++
    if (row !~ /:nothing$/ && !(row in seen)) { seen[row] = 1; order[++row_count] = row }
}

END {
    split("ours stock curl-openssl curl-gnutls raw-gnutls raw-openssl", names, " ")

    printf "\nRates (medians; \"first\" is time, less is better)\n\n"
    printf "%-20s %6s %9s %9s %9s %9s %9s %9s | %6s %6s %6s %6s | %s\n", "row", "unit", "ours", "stock", "curl-ossl", "curl-gtls", \
        "raw-gtls", "raw-ossl", "/curl", "/stock", "/raw", "cpu/c", "target"
    for (r = 1; r <= row_count; r++)
    {
        row = order[r]
        curl = better(row, "curl-openssl", "curl-gnutls")
        raw = better(row, "raw-gnutls", "raw-openssl")
        mine = rate(row, "ours")
        to_curl = curl == "" ? -1 : ratio(mine, rate(row, curl))
        to_stock = ratio(mine, rate(row, "stock"))
        to_raw = raw == "" ? -1 : ratio(mine, rate(row, raw))
        cpu_curl = curl == "" ? -1 : ratio(cpu(row, "ours"), cpu(row, curl))
        printf "%-20s %6s", row, unit(row)
        for (c = 1; c <= 6; c++) printf " %9s", number(rate(row, names[c]))
        printf " | %6s %6s %6s %6s | %s\n", ratio_text(to_curl), ratio_text(to_stock), ratio_text(to_raw), ratio_text(cpu_curl), \
            judge(row, to_curl, to_stock, to_raw, cpu_curl)
    }

    printf "\nCPU time per request (us), per GiB (ms) or per process (ms); wineserver's share apart; threads; memory (MiB); errors\n\n"
    printf "%-20s %6s %9s %9s %9s %9s %9s %9s | %8s %8s | %-11s %-15s %s\n", "row", "unit", "ours", "stock", "curl-ossl", "curl-gtls", \
        "raw-gtls", "raw-ossl", "ws/ours", "ws/stock", "thr o/s", "MiB o/s/c", "errors o/s/c/g"
    for (r = 1; r <= row_count; r++)
    {
        row = order[r]
        printf "%-20s %6s", row, cpu_unit(row)
        for (c = 1; c <= 6; c++) printf " %9s", number(cpu(row, names[c]))
        threads = row ~ /^held/ ? "peak_threads" : "threads"
        rss = row ~ /^held/ ? "peak_rss_kb" : "rss_kb"
        printf " | %8s %8s | %-11s %-15s %d/%d/%d/%d\n", number(figure(row, "ours", "server_each")), \
            number(figure(row, "stock", "server_each")), \
            number(figure(row, "ours", threads)) "/" number(figure(row, "stock", threads)), \
            number(ratio(figure(row, "ours", rss), 1024)) "/" number(ratio(figure(row, "stock", rss), 1024)) "/" \
            number(ratio(figure(row, "curl-openssl", rss), 1024)), \
            errors[row, "ours"], errors[row, "stock"], errors[row, "curl-openssl"], errors[row, "curl-gnutls"]
    }
    printf "\n%d of %d rows with a target reached it; the run took %d s.\n", rows_reached, rows_with_target, took
}
