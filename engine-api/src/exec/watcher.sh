# Run in the container beside a program, whose number is its argument, with built-in commands only.
# A line with a number is a signal for the program and all that it started; `q` is the program's
# end; the end of the input is the client's, and then of the program too.
trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE TSTP TTIN TTOU
p=$1
# A process's name may hold anything, line ends too; the rest begins behind its last bracket.
look() {
    s=
    { while IFS= read -r x; do s=$s$x; done; } <"/proc/$1/stat" || return 1
    case $s in *') '*) ;; *) return 1 ;; esac
    set -- ${s##*) }
    state=$1 parent=$2 group=$3 session=$4 start=${20}
}
alive() { look "$p" && [ "$start" = "$born" ] && [ "$state" != Z ]; }
# Finds those whose process session is the program's and those who descend from them or from the
# one given; then whom to signal: whole groups, for a process may fork meanwhile, but not ours.
gather() {
    all=$1 to= rows= more=1
    for d in /proc/[0-9]*; do
        n=${d#/proc/}
        [ "$n" = $$ ] || ! look "$n" || [ "$state" = Z ] || rows="$rows $n:$parent:$group:$session"
    done
    while [ -n "$more" ]; do
        more=
        for r in $rows; do
            n=${r%%:*} r=${r#*:}
            case $all in *" $n "*) continue ;; esac
            [ "${r##*:}" = "$own" ] || case $all in *" ${r%%:*} "*) ;; *) continue ;; esac
            all="$all$n " more=1
        done
    done
    for r in $rows; do
        case $all in *" ${r%%:*} "*) ;; *) continue ;; esac
        n=${r%%:*} r=${r#*:*:}
        [ "${r%:*}" = "$mine" ] || n=-${r%:*}
        case "$to " in *" $n "*) ;; *) to="$to $n" ;; esac
    done
}
look $$
mine=$group
look "$p" || exit 0
born=$start own=none
[ "$session" != "$p" ] || own=$p
while IFS= read -r line; do
    case $line in
    q) exit 0 ;;
    '' | *[!0-9]*) ;;
    *) alive && gather " $p " && kill "-$line" $to ;;
    esac
done
alive || exit 0
gather " $p "
i=0
while [ -n "$to" ] && [ $i -lt 100 ]; do
    kill -9 $to
    gather ' '
    i=$((i + 1))
done
