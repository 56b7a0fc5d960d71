import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// Networks of CNI's files by BridgeNet, in network namespaces of the test's own.
    @Suite(.needs(.root, .ip, .bridge)) struct BridgeNets {
        /// Runs a script in the host of `NetworkHost.setup`; `peer ADDRESS PORT` is a request from a container, and `left` waits until
        /// nothing of networks is left, or tells of it.
        private func run(_ script: String, seconds: Double = 240) throws -> Outcome {
            let work = try WorkDirectory.make(for: .root)
            let setup = """
                \(NetworkHost.setup)
                peer() { $S exec --net --network ${NET:-bridge} $IMAGE sh -c "$fetching" "$@"; }
                found() {
                    ip -o link | grep -v -e ': lo:' -e ': h0@'; nft list ruleset
                    find /run/skiff/networks/leases /run/skiff/networks/state -type f -printf "left: %p\\n"
                }
                gone() { [ -z "$(found)" ]; }
                left() { within gone || found; }

                """
            var command = try skiffCommand(
                ["/usr/bin/unshare", "--net", "/bin/sh", "-c", setup + script + NetworkHost.ending], as: .root)
            command.words.removeFirst()
            command.environment["S"] = try Stage.shared.get().program
            command.environment["IMAGE"] = try NetworkHost.image.get()
            command.environment["APPTAINER_CONFIGDIR"] = work + "/configuration"
            command.environment["WORK"] = work
            command.environment["TESTS"] = repository + "/Tests"
            command.seconds = seconds
            return try command.run()
        }

        private func lines(_ script: String) throws -> (Outcome, [String]) {
            let outcome = try run(script)
            return (outcome, outcome.standardOutput.split(separator: "\n").map(String.init))
        }

        /// The walkthrough's line, from everywhere; then nothing is left.
        @Test(.cleanHost) func mapsPortsFromEverywhere() throws {
            let (outcome, found) = try lines(
                """
                web --dns 8.8.8.8 --network bridge --network-args "portmap=7888:80/tcp" --writable-tmpfs $IMAGE web
                $S instance list | tail -n 1 | grep -o ' 10[.]22[.][0-9.]* '
                up localhost:7888
                echo loopback $(get 127.0.0.1:7888); echo own $(get 192.0.2.1:7888); echo other $(far 192.0.2.1:7888)
                a=$($S instance list --json | grep -o '10[.]22[.][0-9.]*')
                echo direct $(get $a); echo peer $(peer $a 80); echo gateway $(peer 10.22.0.1 7888)
                echo self $($S exec instance://web sh -c "$fetching" 192.0.2.1 7888)
                serve 7888; echo beyond $(peer 192.0.2.2 7888)
                $S exec instance://web cat /etc/resolv.conf
                $S instance stop web >/dev/null 2>&1
                left
                echo end
                """)
            #expect(
                found == [
                    " 10.22.0.2 ", "loopback hello", "own hello", "other hello", "direct hello", "peer hello",
                    "gateway hello", "self hello", "beyond hello", "nameserver 8.8.8.8", "end",
                ], "\(outcome)")
        }

        /// Only what was asked for is bound, and nobody else reaches the host's loopback (CVE-2020-8558, CVE-2025-67499).
        @Test(.cleanHost, .needs(.python)) func bindsTheAskedAddressAlone() throws {
            let (outcome, found) = try lines(
                """
                web --network bridge --network-args "portmap=127.0.0.1:7888:80/tcp;portmap=192.0.2.1:7889:80/tcp" $IMAGE web
                up 127.0.0.1:7888
                echo $(get 127.0.0.1:7888) $(get 192.0.2.1:7888) $(far 192.0.2.1:7888)
                echo $(get 127.0.0.1:7889) $(get 192.0.2.1:7889) $(far 192.0.2.1:7889) $(peer 10.22.0.1 7889)
                inside="nsenter -t $(pid web) -n"
                $inside sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet'
                $inside ip route del table local 127.0.0.0/8 dev lo; $inside ip route del table local 127.0.0.1 dev lo
                $inside ip route add 127.0.0.1 via 10.22.0.1 dev eth0
                say='import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"heard", ("127.0.0.1", 9091))'
                spoof() { hostile hear 127.0.0.1 9091 $1 & hearer=$!; listens self 9091; $inside python3 -c "$say"; wait $hearer; }
                echo spoof $(spoof 1); nft flush chain inet skiff spoofed; echo without the rule $(spoof 30)
                busybox nc -l -p 7999 & holder=$!; listens self 7999
                $S exec --net --network-args portmap=7999:80/tcp $IMAGE true; echo $?
                $S exec --net --network-args portmap=127.0.0.1:7888:80/tcp $IMAGE true 2>/dev/null; echo $?
                kill $holder
                """)
            #expect(
                found.prefix(4) == [
                    "hello none none", "none hello hello none", "spoof none", "without the rule heard",
                ], "\(outcome)")
            #expect(
                found.dropFirst(4).first?.contains("cannot map port 7999/tcp: address already in use") == true,
                "\(outcome)")
            #expect(found.suffix(2) == ["255", "255"], "\(outcome)")
        }

        /// Addresses that are not its own, and none of the host's loopback, lead a container with raw sockets nowhere; answers of ARP
        /// that nobody has asked for stay in its network.
        @Test(.cleanHost, .needs(.python)) func spoofedAddressesLeadNowhere() throws {
            let (outcome, found) = try lines(
                """
                mkdir $WORK/network
                cat > $WORK/network/six.conflist <<END
                {"cniVersion": "1.1.0", "name": "six", "plugins": [
                    {"type": "bridge", "bridge": "six0", "isDefaultGateway": true, "ipMasq": true, "ipam": {"type": "host-local",
                     "ranges": [[{"subnet": "10.60.0.0/24"}], [{"subnet": "fd60::/64"}]]}},
                    {"type": "portmap", "capabilities": {"portMappings": true}}]}
                END
                echo "cni configuration path = $WORK/network" >$WORK/skiff.conf
                real=$S; S="$S --config $WORK/skiff.conf"
                web --network six --network-args portmap=7888:80/tcp $IMAGE web
                up 127.0.0.1:7888; inside="nsenter -t $(pid web) -n"
                spoof() { # SECONDS SOURCE TARGET [PID, if it is not here]
                    ${4:+nsenter -t $4 -n} python3 $TESTS/Inside/hostile-network.py hear $3 5555 $1 & hearer=$!
                    listens ${4:-self} 5555
                    $inside python3 $TESTS/Inside/hostile-network.py send $2 53 $3 5555 heard; wait $hearer
                }
                echo own $(spoof 30 10.60.0.2 192.0.2.1) $(spoof 30 fd60::2 2001:db8::1) $(spoof 30 10.60.0.2 192.0.2.2 $far)
                echo loopback $(spoof 1 127.0.0.1 192.0.2.1) $(spoof 1 127.0.0.2 192.0.2.1) $(spoof 1 127.0.0.2 10.60.0.1)
                echo host $(spoof 1 192.0.2.1 10.60.0.1) $(spoof 1 2001:db8::1 fd60::1)
                echo others $(spoof 1 192.0.2.2 192.0.2.1) $(spoof 1 2001:db8::2 2001:db8::1) $(spoof 1 203.0.113.9 192.0.2.2 $far)
                get 192.0.2.2:1 >/dev/null; before=$(ip neigh show 192.0.2.2)
                for address in 192.0.2.2 192.0.2.1 127.0.0.1; do $inside python3 $TESTS/Inside/hostile-network.py claim eth0 $address; done
                after=$(ip neigh show 192.0.2.2); echo neighbour ${after%%lladdr*}; [ "${before%% [A-Z]*}" = "${after%% [A-Z]*}" ]; echo same $?
                ip neigh show dev six0 | grep -c -e '^192.0' -e '^127'
                far 192.0.2.1:7888; nft flush chain inet skiff spoofed
                echo without the rules $(spoof 30 127.0.0.2 192.0.2.1) $(spoof 30 192.0.2.2 192.0.2.1) $(spoof 30 2001:db8::2 2001:db8::1)
                $real instance stop web >/dev/null 2>&1; left
                """)
            #expect(
                found == [
                    "own heard heard heard", "loopback none none none", "host none none", "others none none none",
                    "neighbour 192.0.2.2 dev h0", "same 0", "0", "hello", "without the rules heard heard heard",
                ], "\(outcome)")
        }

        /// The names of name servers are written into the container, wherever its image leads them.
        @Test(.cleanHost) func namesOfServersAreWrittenInsideAlone() throws {
            let outcome = try run(
                """
                for file in resolv.conf hosts hostname; do echo secret >$WORK/$file; done
                for target in $WORK ../../../../../../../..$WORK /proc/self/root$WORK /proc/1/root$WORK; do
                    rm -rf $WORK/image; cp -a $IMAGE $WORK/image
                    for file in resolv.conf hosts hostname; do ln -sf $target/$file $WORK/image/etc/$file; done
                    for way in "" --writable --writable-tmpfs; do
                        $S exec $way --contain --net --dns 8.8.8.8 --hostname other $WORK/image cat /etc/resolv.conf /etc/hosts 2>/dev/null | grep -c secret
                    done
                done
                cat $WORK/resolv.conf $WORK/hosts $WORK/hostname; left
                """)
            let wanted = Array(repeating: "0", count: 12) + Array(repeating: "secret", count: 3)
            #expect(outcome.line == wanted.joined(separator: "\n"), "\(outcome)")
        }

        @Test(.cleanHost, .needs(.python)) func mapsUDPAndIPv6() throws {
            let (outcome, found) = try lines(
                """
                mkdir $WORK/network
                cat > $WORK/network/six.conflist <<END
                {"cniVersion": "1.1.0", "name": "six", "plugins": [
                    {"type": "bridge", "bridge": "six0", "isDefaultGateway": true, "ipMasq": true, "ipam": {"type": "host-local",
                     "ranges": [[{"subnet": "10.60.0.0/24"}], [{"subnet": "fd60::/64"}]], "routes": [{"dst": "::/0"}]}},
                    {"type": "portmap", "capabilities": {"portMappings": true}}]}
                END
                echo "cni configuration path = $WORK/network" >$WORK/skiff.conf
                real=$S; S="$S --config $WORK/skiff.conf"
                web --network six --network-args "portmap=7888:80/tcp;portmap=5353:53/udp" $IMAGE web; inside=$(pid web)
                up 127.0.0.1:7888
                $S instance list --json | grep -o '"ip.*"'
                nsenter -t $inside -n timeout 200 python3 -c '
                import socket
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 53))
                for i in range(2): d, a = s.recvfrom(99); s.sendto(d.upper(), a)
                ' &
                listens $inside 53
                ask='import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(30); s.sendto(b"datagram", (sys.argv[1], 5353)); print(s.recv(99).decode())'
                python3 -c "$ask" 127.0.0.1; other python3 -c "$ask" 192.0.2.1
                up '[2001:db8::1]:7888'; echo $(get '[2001:db8::1]:7888') $(far '[2001:db8::1]:7888') $(get '[fd60::2]')
                nsenter -t $inside -n ip -6 -o addr show eth0 scope global | grep -o 'fd60::2/64'
                serve 99; echo masqueraded $(nsenter -t $inside -n curl -s -m 30 '[2001:db8::2]:99/motd')
                $real instance stop web > /dev/null 2>&1; left
                """)
            #expect(
                found == [
                    "\"ip\": \"10.60.0.2\"", "DATAGRAM", "DATAGRAM", "hello hello hello", "fd60::2/64",
                    "masqueraded hello",
                ], "\(outcome)")
        }

        @Test(.cleanHost) func anInstanceSharesItsNetwork() throws {
            let outcome = try run(
                """
                web --network bridge $IMAGE web; up 10.22.0.2
                $S exec --network instance:web $IMAGE sh -c 'ip -o addr show eth0 | grep -o "10.22.0.2/"; ip -o link | wc -l'
                $S exec --network instance:web $IMAGE sh -c "$fetching" 127.0.0.1 80
                up 10.22.0.2; get 10.22.0.2
                for net in instance:nobody instance:web,bridge bridge,instance:web instance: "instance:*" instance:../web; do
                    $S exec --network "$net" $IMAGE true 2>/dev/null; echo $?
                done
                $S exec --network instance:web --network-args portmap=1:1/tcp $IMAGE true 2>/dev/null; echo $?
                $S exec instance://web ip -o link | wc -l
                $S instance stop web >/dev/null 2>&1; left
                """)
            let wanted = ["10.22.0.2/", "2", "hello", "hello"] + Array(repeating: "255", count: 7) + ["2"]
            #expect(outcome.line == wanted.joined(separator: "\n"), "\(outcome)")
        }

        /// Fifty at once that reach each other, and kills at random moments: a few rounds of `Tests/Peers/check-networks`.
        @Test(.cleanHost, .needs(.python)) func givesNoAddressTwice() throws {
            let outcome = try run(
                """
                SKIFF=$S python3 $TESTS/Peers/check-networks $IMAGE 50 3; echo status $?; left
                $S exec --net --network-args "IP=10.22.7.7;MAC=02:00:00:00:00:07" $IMAGE ip addr show eth0 | grep -c -e 10.22.7.7/16 -e 02:00:00:00:00:07
                $S exec --net --network-args "ipRange=10.22.9.0/24" $IMAGE ip addr show eth0 | grep -o '10.22.9.1/16'
                """)
            #expect(outcome.line.hasSuffix("status 0\n2\n10.22.9.1/16"), "\(outcome)")
        }

        /// The next command of root takes back what a killed one has left.
        @Test(.cleanHost) func killedCommandsLeaveNothing() throws {
            let outcome = try run(
                """
                for way in exec instance; do
                    if [ $way = exec ]; then
                        $S exec --net --network bridge,ptp --network-args portmap=7888:80/tcp $IMAGE sleep 100 & skiff=$!
                        until nft list ruleset | grep -q 7888; do sleep 0.02; done
                        kill -9 $(cat /proc/$skiff/task/$skiff/children) $skiff; wait $skiff 2>/dev/null
                    else
                        web --network bridge,ptp --network-args portmap=7888:80/tcp $IMAGE web
                        kill -9 $(pid web) $(ps -o ppid= -p $(pid web))
                    fi
                    nft list ruleset | grep -c 7888
                    $S exec --net --network-args portmap=7888:80/tcp $IMAGE true; echo $?
                    left
                done
                $S doctor --clean >/dev/null 2>&1
                """)
            #expect(
                outcome.line.split(separator: "\n").filter { !$0.contains("WARNING") } == ["1", "0", "1", "0"],
                "\(outcome)")
        }

        @Test(.cleanHost) func pairsAndMacvlansReachTheHost() throws {
            let outcome = try run(
                """
                web --network ptp --network-args portmap=7888:80/tcp $IMAGE web
                up localhost:7888; a=$($S instance list --json | grep -o '10.23.[0-9.]*')
                echo $(get $a) $(get localhost:7888) $(far 192.0.2.1:7888) $(NET=ptp peer $a 80) $(peer 192.0.2.1 7888)
                $S instance stop web >/dev/null 2>&1
                mkdir $WORK/network
                echo '{"cniVersion": "1.0.0", "name": "mac", "plugins": [{"type": "macvlan", "master": "h0", "ipam": {"type": "static",
                    "addresses": [{"address": "192.0.2.9/24", "gateway": "192.0.2.2"}], "routes": [{"dst": "0.0.0.0/0"}]}}]}' >$WORK/network/mac.conf
                echo "cni configuration path = $WORK/network" >$WORK/skiff.conf
                S="$S --config $WORK/skiff.conf" web --network mac $IMAGE web
                echo $(far 192.0.2.9); $S exec instance://web ip route | grep default
                $S instance stop web >/dev/null 2>&1; left
                """)
            #expect(
                outcome.line == "hello hello hello hello hello\nhello\ndefault via 192.0.2.2 dev eth0 ", "\(outcome)")
        }

        /// A host that forwards nothing by itself: iptables is told, other firewalls are named.
        @Test(.cleanHost, .needs(.iptables)) func firewallsOfTheHostLetContainersThrough() throws {
            let (outcome, found) = try lines(
                """
                iptables -P FORWARD DROP; iptables -A FORWARD -s 203.0.113.0/24 -j DROP; before=$(iptables -S)
                web --network bridge --network-args portmap=7888:80/tcp $IMAGE web; up 127.0.0.1:7888
                serve 99; echo out $(peer 192.0.2.2 99); echo in $(far 192.0.2.1:7888)
                other ip route add 10.22.0.0/16 via 192.0.2.1; echo unasked $(WAIT=2 far 10.22.0.2)
                iptables -S FORWARD | grep -c skiff
                $S instance stop web >/dev/null 2>&1; [ "$before" = "$(iptables -S)" ]; echo same $?
                $S exec --net $IMAGE sleep 100 & skiff=$!
                until iptables -S | grep -q skiff; do sleep 0.02; done
                kill -9 $(cat /proc/$skiff/task/$skiff/children) $skiff; wait $skiff 2>/dev/null
                $S exec --net $IMAGE true; [ "$before" = "$(iptables -S)" ]; echo same $?
                iptables -P FORWARD ACCEPT; iptables -F; nft delete table ip filter
                nft "table inet own { chain forward { type filter hook forward priority 0; policy drop; }; }"
                $S exec --net $IMAGE true; nft delete table inet own; left
                """)
            #expect(
                found.filter { !$0.contains("Killed") }.dropLast() == [
                    "out hello", "in hello", "unasked none", "2", "same 0", "same 0",
                ], "\(outcome)")
            #expect(
                found.last?.contains(
                    "chain forward of nftables table own drops what it does not know: accept interface sbr0")
                    == true, "\(outcome)")
        }

        /// The same file through Debian's programs of CNI gives the same addresses, routes and settings, and is reached from the same
        /// places. What makes the second one theirs is that `macspoofchk` is not done in process.
        @Test(.cleanHost, .needs(.cni, .iptables)) func programsOfCNIDoTheSame() throws {
            let outcome = try run(
                """
                mkdir $WORK/network; echo "cni configuration path = $WORK/network" >$WORK/skiff.conf
                list() {
                    echo '{"cniVersion": "0.4.0", "name": "'$1'", "plugins": [{"type": "bridge", "bridge": "'$1'0", "isGateway": true,
                        "ipMasq": true, "hairpinMode": true, "mtu": 1400, '$2'
                        "ipam": {"type": "host-local", "subnet": "10.22.0.0/16", "routes": [{"dst": "0.0.0.0/0"}]}},
                        {"type": "firewall", "backend": "iptables"}, {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true},
                        {"type": "tuning", "sysctl": {"net.core.somaxconn": "77"}, "promisc": true}]}'
                }
                list native >$WORK/network/native.conflist; list programs '"macspoofchk": false,' >$WORK/network/programs.conflist
                serve 99
                real=$S; S="$S --config $WORK/skiff.conf"
                for NET in native programs; do
                    $S exec --explain --net --network $NET $IMAGE true | grep -c /usr/lib/cni/bridge
                    web --network $NET --network-args "IP=10.22.4.4;portmap=7888:80/tcp" $IMAGE web; up 10.22.4.4
                    $S exec instance://web sh -c 'ip -o -4 addr show eth0 | grep -o "10.*global"; ip route; cat /proc/sys/net/core/somaxconn
                        ip link show eth0 | grep -o "mtu [0-9]*"'
                    nsenter -t $(pid web) -n ip -d link show eth0 | grep -o PROMISC
                    echo from the host $(get 10.22.4.4), its ports $(get 127.0.0.1:7888) $(get 192.0.2.1:7888)
                    echo from another host $(far 192.0.2.1:7888), from a container $(peer 10.22.4.4 80) $(peer 192.0.2.1 7888) $(peer 10.22.0.1 7888)
                    echo to itself $($S exec instance://web sh -c "$fetching" 192.0.2.1 7888)
                    echo to another host $($S exec instance://web sh -c "$fetching" 192.0.2.2 99)
                    $real instance stop web >/dev/null 2>&1; echo end
                done
                rm -rf /var/lib/cni/networks/programs
                """)
            let halves = outcome.line.components(separatedBy: "\nend").map {
                $0.split(separator: "\n").map(String.init)
            }
            #expect(
                halves.count == 3 && halves[0].first == "0" && halves[1].first == "1"
                    && halves[0].dropFirst() == halves[1].dropFirst(), "\(outcome)")
            #expect(
                halves[0].suffix(8) == [
                    "10.22.0.0/16 dev eth0 scope link  src 10.22.4.4 ", "77", "mtu 1400", "PROMISC",
                    "from the host hello, its ports hello hello",
                    "from another host hello, from a container hello hello hello", "to itself hello",
                    "to another host hello",
                ], "\(outcome)")
        }

        @Test(.cleanHost) func badInputIsTold() throws {
            let outcome = try run(
                """
                mkdir $WORK/network; echo "cni configuration path = $WORK/network" >$WORK/skiff.conf
                printf '{"name": "broken",\\n  "plugins": [}' >$WORK/network/broken.conflist
                $S --config $WORK/skiff.conf exec --net --network broken $IMAGE true
                echo '{"name": "full", "plugins": [{"type": "bridge", "bridge": "f0", "isGateway": true, "ipam": {"type": "host-local", "subnet": "10.70.0.0/30"}}]}' >$WORK/network/broken.conflist
                $S --config $WORK/skiff.conf exec --net --network full $IMAGE $S --version >/dev/null 2>&1
                $S --config $WORK/skiff.conf exec --net --network full $IMAGE sleep 200 & full=$!
                within grep -qr skiff /run/skiff/networks/leases/full
                $S --config $WORK/skiff.conf exec --net --network full $IMAGE true
                $S --config $WORK/skiff.conf exec --net --network full --network-args portmap=1:1/tcp $IMAGE true
                echo '{"name": "odd", "plugins": [{"type": "no-such-type"}]}' >$WORK/network/odd.conflist
                $S --config $WORK/skiff.conf exec --net --network odd $IMAGE true
                for words in portmap=80 portmap=0:1/tcp portmap=99999:1/tcp portmap=1.2.3.999:1:1/tcp IP=10.99.0.1 IP=x MAC=1:2 a=b ipRange=10.9.0.0/24; do
                    $S exec --net --network-args "$words" $IMAGE true; echo $?
                done
                $S exec --net --network no-such $IMAGE true
                kill $full; wait $full; left
                """)
            for text in [
                "line 2, column 15: a value is expected",
                "cannot find an address in network full: all of 10.70.0.0/30 are taken",
                "cannot map ports in network full", "there is no program no-such-type in /usr/lib/cni",
                "cannot map port '80': it is not HOST[:CONTAINER]/tcp or /udp",
                "cannot use IP=10.99.0.1: it is no address",
                "cannot use IP=x: x is not an IP address", "cannot use MAC=1:2", "cannot tell network bridge 'a=b'",
                "cannot use ipRange=10.9.0.0/24",
                "cannot set up network no-such: it is unknown to org.skiff.bridge-net",
            ] { #expect(outcome.standardOutput.contains(text), "\(text): \(outcome)") }
        }

        @Test(arguments: Profile.allCases) func theCheckerHasNothingAgainstIt(profile: Profile) throws {
            try need(profile)
            let outcome = try skiff("plugin", "check", "--only", "hostile-networks", "BridgeNet", as: profile)
            #expect(outcome.isSuccess, "\(outcome)")
        }
    }
}
