#!/bin/sh
# Brings .venv to what a lock file says: `sh deploy/venv.sh requirements.lock`, from the project's root.
#
# Needs a Python of 3.11 or later with pip, and no compiler. Debian's Python may lack ensurepip; then a pip outside
# fills the new environment. A .venv that works is kept, whichever Python made it. PYTHON=... chooses one.
set -eu

lock=$1
log=.venv/install.log

recent='import sys; sys.exit(sys.version_info < (3, 11))'
usable() { "$1" -c "$recent" >/dev/null 2>&1; }

create() {
    rm -rf .venv
    "$1" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    "$1" -m venv --without-pip .venv >/dev/null 2>&1 || return 1
    for pip in "$1 -m pip" pip3 pip; do
        # Unquoted: the first is a command and its arguments.
        PIP_USER=0 $pip --disable-pip-version-check --python .venv/bin/python install -q pip >/dev/null 2>&1 && return
    done
    return 1
}

ensure_environment() {
    if usable .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    for python in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        # A pyenv shim exists for versions that are not switched on: only running it tells.
        if usable "$python" && create "$python"; then
            return
        fi
    done
    rm -rf .venv
    echo "make: no usable Python found (tried: ${PYTHON:-python3.13 python3.12 python3.11 python3 python}); Clipwire needs 3.11 or later with venv and pip" >&2
    exit 1
}

# One line that changes in a terminal, nothing in a log.
show_progress() {
    total=$(grep -c '^[a-zA-Z0-9].*==' "$lock")
    n=0
    while read -r verb what _; do
        [ -t 1 ] || continue
        case $verb in
        Collecting)
            [ $n -lt "$total" ] && n=$((n + 1))
            printf '\r\033[K  %d/%d %s' $n "$total" "${what%%[=<>]*}"
            ;;
        Installing) printf '\r\033[K  unpacking' ;;
        esac
    done
    [ ! -t 1 ] || printf '\r\033[K'
}

# `.venv/bin/clipwire`, from any folder: this project is run from here, not installed.
link_command() {
    .venv/bin/python -c 'import sys, sysconfig; print(sysconfig.get_path("purelib"), end="")' >.venv/site
    pwd >"$(cat .venv/site)/clipwire.pth"
    rm .venv/site
    # -P: a folder one happens to be in may have a `services` of its own.
    printf '#!/bin/sh\nexec "%s/.venv/bin/python" -P -m services.cli "$@"\n' "$(pwd)" >.venv/bin/clipwire
    chmod +x .venv/bin/clipwire
}

ensure_environment
echo "Installing $lock into .venv; the first time takes about a minute ..."
begun=$(date +%s)
status=.venv/install.status
{
    code=0
    PIP_USER=0 .venv/bin/python -m pip --disable-pip-version-check --no-input install --progress-bar off \
        --require-hashes --only-binary :all: -r "$lock" 2>"$log.errors" || code=$?
    echo "$code" >"$status"
} | tee "$log" | show_progress
if [ "$(cat "$status")" != 0 ]; then
    tail -n 15 "$log" "$log.errors" >&2
    echo "make: could not install $lock; the whole output is in $log" >&2
    exit 1
fi
link_command
echo "Installed in $(($(date +%s) - begun)) s."
