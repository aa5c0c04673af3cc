# The overlay: a tree that looks like Debian's Wine to Wine's own loader, with our winhttp in place of Wine's.
# Sourced by tools/wine-winhttp and tools/check; POSIX sh.
#
# Wine finds its DLLs beside the real path of its ntdll.so and its server beside its loader. So loader, server and
# ntdll.so are copies, winhttp.dll and winhttp.so are links to ours, and everything else is a link to the system's.
# The tree is made anew when one of Wine's three files changed. Ours being links, a new build needs nothing.
#
# The caller sets:
#   dlldir      where x86_64-windows/winhttp.dll, x86_64-unix/winhttp.so and maybe the same for i386 are
#   overlay     where the tree is to be; its parent is made
# and may set $die to a function that reports its arguments and ends the script.
# A name that starts with overlay_ is for the functions here.

overlay_bin=/usr/lib/wine
overlay_lib64=/usr/lib/x86_64-linux-gnu/wine
overlay_lib32=/usr/lib/i386-linux-gnu/wine
overlay_data=/usr/share/wine

# Debian 12 and 13 lay Wine out the same way; anything else is refused rather than guessed at.
overlay_find_wine()
{
    [ -x $overlay_bin/wine64 ] || $die "Wine is not installed (package wine64: no $overlay_bin/wine64)"
    [ -x $overlay_bin/wineserver64 ] && [ -f $overlay_lib64/x86_64-unix/ntdll.so ] ||
        $die "this Wine is not laid out as Debian's (no $overlay_bin/wineserver64 or $overlay_lib64/x86_64-unix/ntdll.so)"
}

# 32-bit programs: both Wine's 32-bit half and ours have to be there.
overlay_has_32()
{
    [ -x $overlay_bin/wine ] && [ -f $overlay_lib32/i386-unix/ntdll.so ] &&
        [ -f "$dlldir/i386-windows/winhttp.dll" ] && [ -f "$dlldir/i386-unix/winhttp.so" ]
}

overlay_same()
{
    ! [ "$1" -nt "$2" ] && ! [ "$1" -ot "$2" ]
}

# True if the tree is there and up to date. Only tests on files: this runs before every program.
overlay_is_current()
{
    [ -e "$overlay/$overlay_lib64/x86_64-windows/winhttp.dll" ] &&
        [ -e "$overlay/$overlay_lib64/x86_64-unix/winhttp.so" ] &&
        overlay_same $overlay_lib64/x86_64-unix/ntdll.so "$overlay/$overlay_lib64/x86_64-unix/ntdll.so" &&
        overlay_same $overlay_bin/wine64 "$overlay/$overlay_bin/wine64" &&
        overlay_same $overlay_bin/wineserver64 "$overlay/$overlay_bin/wineserver64" || return 1
    if overlay_has_32
    then
        overlay_same $overlay_bin/wine "$overlay/$overlay_bin/wine" || return 1
    elif [ -e "$overlay/$overlay_bin/wine" ]
    then
        return 1
    fi
    read -r overlay_of < "$overlay/.dlldir" && [ "$overlay_of" = "$dlldir" ]
}

# $1: library directory, $2: cpu. The links of one architecture.
overlay_link_arch()
{
    mkdir -p "$overlay_new/$1/$2-windows" "$overlay_new/$1/$2-unix" &&
    ln -s "$1/$2-windows"/* "$overlay_new/$1/$2-windows/" &&
    ln -s "$1/$2-unix"/* "$overlay_new/$1/$2-unix/" &&
    rm -f "$overlay_new/$1/$2-unix/ntdll.so" &&
    cp -pL "$1/$2-unix/ntdll.so" "$overlay_new/$1/$2-unix/ntdll.so" &&
    ln -sf "$dlldir/$2-windows/winhttp.dll" "$overlay_new/$1/$2-windows/winhttp.dll" &&
    ln -sf "$dlldir/$2-unix/winhttp.so" "$overlay_new/$1/$2-unix/winhttp.so"
}

# The loader starts "wineserver" from its own directory. Debian's is a script that ends the server, and all services,
# with the last program, so that each program pays some seconds for starting them. This one keeps them for a little.
overlay_server_script()
{
    cat <<'END'
#!/bin/sh
dir=${0%/*}
[ $# -eq 0 ] && set -- "-p${WINE_WINHTTP_LINGER:-10}"
exec "$dir/wineserver64" "$@"
END
}

overlay_make()
{
    overlay_new=$overlay.new.$$
    rm -rf "$overlay_new"
    mkdir -p "$overlay_new/$overlay_bin" "$overlay_new/${overlay_data%/*}" &&
    cp -pL $overlay_bin/wine64 $overlay_bin/wineserver64 "$overlay_new/$overlay_bin/" &&
    overlay_server_script > "$overlay_new/$overlay_bin/wineserver" &&
    chmod +x "$overlay_new/$overlay_bin/wineserver" &&
    for overlay_file in $overlay_bin/*-preloader    # some builds of Wine have one, and the loader looks beside itself
    do
        [ ! -x "$overlay_file" ] || cp -pL "$overlay_file" "$overlay_new/$overlay_bin/" || return 1
    done &&
    ln -s $overlay_data "$overlay_new/$overlay_data" &&
    overlay_link_arch $overlay_lib64 x86_64 || return 1
    if overlay_has_32
    then
        cp -pL $overlay_bin/wine "$overlay_new/$overlay_bin/" &&
        overlay_link_arch $overlay_lib32 i386 || return 1
    fi
    printf '%s\n' "$dlldir" > "$overlay_new/.dlldir" || return 1

    if [ -e "$overlay" ]
    then
        mv -T "$overlay" "$overlay.old.$$" || return 1    # programs that run from it keep their open files
    fi
    mv -T "$overlay_new" "$overlay" && rm -rf "$overlay.old.$$"
}

# Makes or refreshes the tree where needed. Then $overlay_loader is the loader to run.
overlay_update()
{
    overlay_loader=$overlay$overlay_bin/wine64
    overlay_is_current 2>/dev/null && return
    overlay_find_wine
    [ -f "$dlldir/x86_64-windows/winhttp.dll" ] && [ -f "$dlldir/x86_64-unix/winhttp.so" ] ||
        $die "there is no build in $dlldir"
    mkdir -p "${overlay%/*}" 2>/dev/null && [ -w "${overlay%/*}" ] || $die "cannot make the directory ${overlay%/*}"
    (
        flock 9 || exit 1    # of two launchers at once the second finds the work done
        overlay_is_current 2>/dev/null || overlay_make
    ) 9> "${overlay%/*}/.lock" ||
        { rm -rf "$overlay.new.$$"; $die "cannot make the overlay tree $overlay"; }
}

# Creates the prefix $WINEPREFIX unless it is there. Done with the system's Wine: the classes that a module registers
# come from the module in use while the prefix is made, and Wine's own has them all. $1: log file.
overlay_make_prefix()
{
    [ -f "$WINEPREFIX/system.reg" ] && return
    overlay_find_wine
    mkdir -p "$WINEPREFIX" "${1%/*}" 2>/dev/null || $die "cannot make the directory $WINEPREFIX"
    (
        flock 9 || exit 1    # another launcher may be at it
        [ -f "$WINEPREFIX/system.reg" ] && exit 0
        WINEDLLOVERRIDES="mscoree,mshtml=${WINEDLLOVERRIDES:+;$WINEDLLOVERRIDES}" WINEDEBUG=-all \
            $overlay_bin/wine64 wineboot -i < /dev/null > "$1" 2>&1 9>&- &&
        $overlay_bin/wineserver64 -w 9>&-
    ) 9> "$WINEPREFIX/.lock" && [ -f "$WINEPREFIX/system.reg" ] ||
        $die "Wine could not create the prefix $WINEPREFIX (see $1)"
}
