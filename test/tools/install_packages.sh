#!/bin/bash
# Installs the Debian packages that building, testing or the demo need, and nothing that is there already.
#
#   install_packages.sh build|demo|check
#
# Installing the server package on Debian normally creates and starts a cluster called "main". The demo and the tests bring
# their own clusters, so that is switched off while packages are installed; clusters that exist are never touched.
set -euo pipefail

base="g++ make postgresql-15 postgresql-server-dev-15 libeigen3-dev libboost-dev libxxhash-dev nlohmann-json3-dev"
case "${1:-build}" in
build | demo) wanted=$base ;;
check) wanted="$base doctest-dev perl libipc-run-perl binutils postgresql-15-cron" ;;
*) echo "usage: $0 build|demo|check" >&2 && exit 2 ;;
esac

missing=()
for package in $wanted; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
	echo "these packages (or what your system calls them) are needed: ${missing[*]}" >&2
	exit 1
fi
as_root=()
if ((EUID != 0)); then
	command -v sudo >/dev/null || {
		echo "run this as root, or install first: ${missing[*]}" >&2
		exit 1
	}
	as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

echo "installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
	apt update
	# Also pulls in what the server's post-install script reads to decide about a cluster.
	apt install -y --no-install-recommends postgresql-common
	no_cluster=/etc/postgresql-common/createcluster.d/recsys-no-cluster.conf
	"${as_root[@]}" mkdir -p "${no_cluster%/*}"
	echo "create_main_cluster = false" | "${as_root[@]}" tee "$no_cluster"
	status=0
	apt install -y --no-install-recommends --no-upgrade "${missing[@]}" || status=$?
	"${as_root[@]}" rm -f "$no_cluster"
	((status == 0))
} >"$log" 2>&1 </dev/null || {
	tail -30 "$log" >&2
	echo "installing packages failed" >&2
	exit 1
}
