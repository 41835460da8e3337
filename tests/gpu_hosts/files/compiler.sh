#!/bin/sh
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The compiler of the hosts: it answers from the cache what it was asked before. Objects are ccache's part. The driver's
# build first tries some 500 small files (conftest.sh) to learn what the kernel's headers have. Most of them fail to
# compile, which ccache doesn't keep, and each is named after a process. This keeps those answers: for the same question,
# the same build, and the same packages of compiler and headers.
name=${0##*/}
case "$*" in
    *conftest[0-9]*) ;;
    *) exec /usr/bin/ccache "/usr/bin/$name" "$@" ;;
esac

kept=/var/cache/ccache/answers
packages=/run/compiler-packages
if [ ! -s "$packages" ] || [ ! "$packages" -nt /var/lib/dpkg/info ]; then
    cat /var/lib/dpkg/info/gcc-*.md5sums /var/lib/dpkg/info/cpp-*.md5sums /var/lib/dpkg/info/linux-headers-*.md5sums \
        /var/lib/dpkg/info/linux-kbuild-*.md5sums /var/lib/dpkg/info/linux-compiler-*.md5sums 2> /dev/null \
        | sha256sum > "$packages.$$"
    mv "$packages.$$" "$packages"
    mkdir -p "$kept"
fi

# The question without the numbers of processes: that of the file, and another one among the flags.
asked=$*
question="$name in $PWD:"
while :; do
    case $asked in
        *conftest[0-9]*)
            before=${asked%%conftest[0-9]*}
            asked=${asked#"$before"conftest}
            asked=${asked#"${asked%%[!0-9]*}"}
            question="$question${before}conftest"
            ;;
        *)
            question=$question$asked
            break
            ;;
    esac
done
source=
for argument; do
    case $argument in
        conftest[0-9]*.c) source=$argument ;;
    esac
done
made=${source%.c}
case "$source $*" in
    *" -") code=$(cat) ;;
    " "*) exec "/usr/bin/$name" "$@" ;;
    *) code=$(cat "$source") || exit 1 ;;
esac
read -r identity _ < "$packages"
answer=$(printf '%s\n' "$question" "$code" "$identity" | sha256sum)
answer=$kept/${answer%% *}

if [ -f "$answer" ]; then
    read -r code < "$answer"
    [ ! -f "$answer.o" ] || cp "$answer.o" "$made.o"
    [ ! -f "$answer.out" ] || cp "$answer.out" "$made"
    exit "$code"
fi
case "$*" in
    *" -") printf '%s\n' "$code" | "/usr/bin/$name" "$@" ;;
    *) "/usr/bin/$name" "$@" ;;
esac
code=$?
[ ! -f "$made.o" ] || cp "$made.o" "$answer.o"
[ -z "$made" ] || [ ! -f "$made" ] || cp "$made" "$answer.out"
echo "$code" > "$answer.$$"
mv "$answer.$$" "$answer"
exit "$code"
