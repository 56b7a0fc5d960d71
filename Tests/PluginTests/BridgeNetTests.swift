import Testing

@testable import BridgeNetPlugin

@Test(
    arguments: [
        ("8080:80/tcp", nil, 8080, 80, false), ("53/udp", nil, 53, 53, true), ("0.0.0.0:1:2/tcp", nil, 1, 2, false),
        ("127.0.0.1:8080:80/tcp", "127.0.0.1", 8080, 80, false), ("[::1]:8080:80/tcp", "::1", 8080, 80, false),
        ("192.0.2.1:80/tcp", "192.0.2.1", 80, 80, false),
    ] as [(String, String?, UInt16, UInt16, Bool)])
func portMaps(text: String, address: String?, host: UInt16, container: UInt16, isUDP: Bool) throws {
    let map = try #require(PortMap(text))
    #expect(
        map.address?.text == address && map.hostPort == host && map.containerPort == container && map.isUDP == isUDP)
}

@Test(arguments: [
    "", "80", "80/", "/tcp", "0/tcp", "80:0/tcp", "1:2:3/tcp", "65536/tcp", "80/sctp", "[::1]80/tcp", "[x]:1/tcp",
    "1.2.3:1:1/tcp",
])
func wrongPortMaps(text: String) { #expect(PortMap(text) == nil) }

@Test func addressesAndSubnets() throws {
    let subnet = try #require(Subnet("10.22.3.4/16"))
    #expect(subnet.first.text == "10.22.0.0" && subnet.last.text == "10.22.255.255")
    #expect(subnet.networkText == "10.22.0.0/16")
    let addresses = ["10.22.255.1", "10.23.0.1", "::1"].compactMap { Address($0) }
    #expect(addresses.map(subnet.contains) == [true, false, false])
    #expect(Address("10.0.0.255")?.next?.text == "10.0.1.0" && Address("255.255.255.255")?.next == nil)
    #expect(Subnet("fd00::1/9")?.first.text == "fd00::" && Subnet("10.0.0.0/33") == nil && Subnet("10.0.0.0") == nil)
    let range = try #require(AddressRange(subnet))
    #expect(range.gateway.text == "10.22.0.1" && range.first.text == "10.22.0.1" && range.last.text == "10.22.255.254")
    let tiny = try #require(Subnet("10.0.0.0/31"))
    #expect(AddressRange(tiny) == nil)
}

private func list(_ text: String) throws(NetworkList.Problem) -> NetworkList {
    try NetworkList(parsing: Array(text.utf8), file: "f")
}

@Test(arguments: [
    ("{", "cannot read network f: line 1, column 2: a name in quotes is expected"),
    ("{\"name\":\n \"a\", \"plugins\": [{]}", "cannot read network f: line 2, column 20: a name in quotes is expected"),
    ("{}", "cannot read network f: it has no name"),
    ("{\"name\": \"a\"}", "cannot read network f: a member of plugins has no type"),
    ("{\"name\": \"a\", \"plugins\": []}", "cannot read network f: a member of plugins has no type"),
    (String(repeating: "[", count: 99), "cannot read network f: line 1, column 65: it is nested too deep"),
])
func wrongListsAreTold(text: String, reason: String) {
    #expect { _ = try list(text) } throws: { ($0 as? NetworkList.Problem)?.text == reason }
}

@Test func listsOfOtherTypesAreForPrograms() throws {
    func isNative(_ plugins: String) throws -> Bool {
        try InterfacePlan(list("{\"name\": \"a\", \"plugins\": [\(plugins)]}")) != nil
    }
    #expect(try isNative("{\"type\": \"bridge\"}, {\"type\": \"portmap\"}, {\"type\": \"firewall\"}"))
    #expect(try isNative("{\"type\": \"bridge\"}, {\"type\": \"tuning\", \"mtu\": 1400}"))
    #expect(try !isNative("{\"type\": \"bridge\"}, {\"type\": \"bandwidth\"}"))
    #expect(try !isNative("{\"type\": \"bridge\", \"ipam\": {\"type\": \"dhcp\"}}"))
    #expect(try !isNative("{\"type\": \"bridge\", \"vlan\": 5}"))
    #expect(throws: NetworkList.Problem.self) { try isNative("{\"type\": \"bridge\", \"bridge\": \"a/b\"}") }
    #expect(throws: NetworkList.Problem.self) {
        try isNative(
            "{\"type\": \"ptp\", \"ipam\": {\"type\": \"host-local\", \"ranges\": [[{\"subnet\": \"10.0.0.0/24\", \"rangeStart\": \"10.1.0.1\"}]]}}"
        )
    }
}

@Test func tuningIsOfTheNetworkAlone() throws {
    func tuning(_ members: String) throws -> Tuning? {
        try InterfacePlan(
            list("{\"name\": \"a\", \"plugins\": [{\"type\": \"bridge\"}, {\"type\": \"tuning\", \(members)}]}"))?
            .tuning
    }
    let made = try #require(
        try tuning(
            """
            "sysctl": {"net.core.somaxconn": "7", "net/ipv4/conf/a.5/arp_notify": "1"}, "mtu": 1400, "txQLen": 9,
            "mac": "02:00:00:00:00:0f", "promisc": true, "allmulti": false
            """))
    #expect(
        made.settings.map(\.path) == [["net", "core", "somaxconn"], ["net", "ipv4", "conf", "a.5", "arp_notify"]])
    #expect(made.settings.map(\.value) == ["7", "1"])
    #expect(made.mtu == 1400 && made.queueLength == 9 && made.mac == [2, 0, 0, 0, 0, 15])
    #expect(made.isPromiscuous == true && made.hearsAllMulticast == false)
    for wrong in [
        "\"sysctl\": {\"kernel.hostname\": \"a\"}", "\"sysctl\": {\"net/../kernel/hostname\": \"a\"}",
        "\"sysctl\": {\"net..core\": \"a\"}", "\"sysctl\": {\"net\": \"a\"}", "\"sysctl\": []",
        "\"sysctl\": {\"net.core.somaxconn\": 7}", "\"mtu\": \"x\"", "\"mtu\": -1", "\"promisc\": 1",
        "\"mac\": \"1:2\"",
    ] { #expect(throws: NetworkList.Problem.self, "\(wrong)") { try tuning(wrong) } }
}

@Test func elementsFollowAddressAndFamily() throws {
    let four = try #require(Subnet("10.22.0.2/16"))
    let six = try #require(Subnet("fd00::2/64"))
    let ports = try ["8080:80/tcp", "127.0.0.1:53/udp", "[::1]:1:2/tcp"].map { try #require(PortMap($0)) }
    let made = Rules.elements([four, six], masquerades: true, ports: ports)
    #expect(
        made.map(\.text) == [
            "members4 0a160002 - -", "masquerade4 0a160002 - -", "local4 0a1600020a160000 0a1600020a16ffff -",
            "any4 060000001f900000 - 0a16000200500000", "bound4 7f0000011100000000350000 - 0a16000200350000",
            "members6 fd000000000000000000000000000002 - -", "masquerade6 fd000000000000000000000000000002 - -",
            "local6 fd000000000000000000000000000002fd000000000000000000000000000000 "
                + "fd000000000000000000000000000002fd00000000000000ffffffffffffffff -",
            "any6 060000001f900000 - fd00000000000000000000000000000200500000",
            "bound6 000000000000000000000000000000010600000000010000 - fd00000000000000000000000000000200020000",
        ])
    #expect(made.allSatisfy { Rules.Element(parsing: $0.text) == $0 })
    #expect(Rules.elements([four], masquerades: false, ports: []).count == 1)
    for text in ["", "a", "a 0 - -", "a 0g - -", "a 00 - - -", "a é - -"] {
        #expect(Rules.Element(parsing: text) == nil)
    }
}

@Test func whatWasMadeIsReadBack() throws {
    var made = Attachment(owner: Owner(container: "skiff-1"))
    (made.link, made.bridge, made.leases) = ("veth01234567", "sbr0", ["/run/a", "/run/b"])
    made.elements = Rules.elements([], masquerades: true, ports: []) + [Rules.Element("members4", [10, 0, 0, 1])]
    let read = try #require(Attachment(parsing: made.text))
    #expect(read.text == made.text && read.owner.isAlive && read.namespace == Attachment.currentNamespace)
    #expect(Attachment(parsing: "owner x\n") == nil && Attachment(parsing: "") == nil)
    #expect(Owner(parsing: "c \(made.owner.pid) 1")?.isAlive == false)
}

@Test func namesFollowTheRuleOfCNI() throws {
    func list(_ name: String) throws -> NetworkList {
        try NetworkList(parsing: Array("{\"name\": \"\(name)\", \"type\": \"ptp\"}".utf8), file: "f")
    }
    for name in ["a", "0", "bridge-2_x.y", String(repeating: "n", count: 200)] { #expect(try list(name).name == name) }
    for name in ["", ".", "..", "../x", "a/b", "-a", "_a", "a b", "é", "a\\n", String(repeating: "n", count: 201)] {
        #expect(throws: NetworkList.Problem.self) { try list(name) }
    }
}
