# Run in the container in place of a program, with POSIX and built-in commands only:
#   sh -c wrapper.sh sh WORD FIFO BOOT INPUT SIZE DIRECTORY WATCHER program argument…
# It says on standard error, behind WORD, what it finds, and waits for a line before it becomes the
# program. Its variables have names that no program gives to its own.
_sessctl_word=$1 _sessctl_fifo=$2 _sessctl_boot=$3 _sessctl_input=$4 _sessctl_size=$5
_sessctl_dir=$6 _sessctl_watcher=$7
shift 7
_sessctl_say() { echo "$_sessctl_word $*" >&2; }
cd "$_sessctl_dir" 2>/dev/null || { _sessctl_say no-directory; exit 1; }
case $1 in
*/*) [ -f "$1" ] && [ -x "$1" ] || { _sessctl_say no-program; exit 1; } ;;
*)
    _sessctl_path=$PATH:
    while :; do
        [ -n "$_sessctl_path" ] || { _sessctl_say no-program; exit 1; }
        _sessctl_at=${_sessctl_path%%:*} _sessctl_path=${_sessctl_path#*:}
        [ -f "${_sessctl_at:-.}/$1" ] && [ -x "${_sessctl_at:-.}/$1" ] && break
    done
    ;;
esac
_sessctl_stat= _sessctl_here= _sessctl_tie=apart
{ read -r _sessctl_stat </proc/$$/stat; read -r _sessctl_here </proc/sys/kernel/random/boot_id; } 2>/dev/null
if [ -n "$_sessctl_fifo" ] && [ "$_sessctl_here" = "$_sessctl_boot" ] &&
    [ -p "$_sessctl_fifo" ] && [ -r "$_sessctl_fifo" ] && [ -w "$_sessctl_fifo" ]; then
    # A reader alone would wait for a writer, and the client may be gone.
    exec 8<>"$_sessctl_fifo" 9<"$_sessctl_fifo" 8>&-
    # In a process session of its own, so that no signal for the program's group stops it.
    _sessctl_at=
    command -v setsid >/dev/null 2>&1 && _sessctl_at=setsid
    ($_sessctl_at /bin/sh -c "$_sessctl_watcher" sh $$ <&9 9<&- >/dev/null 2>&1 &)
    exec 9<&-
    _sessctl_tie=tied
fi
_sessctl_say up $$ $_sessctl_tie "$_sessctl_stat"
read -r _sessctl_here || exit 1
case $_sessctl_input in
none) exec </dev/null ;;
terminal)
    if command -v stty >/dev/null 2>&1; then
        # Podman sets the size some time after it says so.
        _sessctl_at=0
        while [ $_sessctl_at -lt 50 ] && [ "$(stty size 2>/dev/null)" != "$_sessctl_size" ]; do
            _sessctl_at=$((_sessctl_at + 1))
        done
    fi
    _sessctl_say go
    ;;
esac
unset -f _sessctl_say
unset _sessctl_word _sessctl_fifo _sessctl_boot _sessctl_input _sessctl_size _sessctl_dir
unset _sessctl_watcher _sessctl_path _sessctl_at _sessctl_stat _sessctl_here _sessctl_tie
