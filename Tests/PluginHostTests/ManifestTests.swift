import Testing

@testable import PluginHost

private let head = "id = org.example.hello\nversion = 1\nabi = 0.1\nlibrary = hello.so\n"

private func parse(_ text: String) -> Result<Manifest, ManifestError> {
    Result { () throws(ManifestError) in try Manifest(parsing: Array(text.utf8)) }
}

@Test func manifestWithEverything() throws {
    let manifest = try parse(
        """
        # a comment
        id = org.example.hello\r
        name = Hello
        version = 1.2
        abi = 0.1-0.3
        library = hello.so
        priority = -5
        after = org.a.b, org.c.d
        before = org.e.f
        phases = mounts pre_exec
        config-keys = always use nv, always use that
        schemes = demo, demo+ssh
        push-schemes = demo
        extensions = skiff.transport/1
        draft-ok = yes
        privileged = never

        [flag]
        name = hello
        short = H
        type = strings
        env = HELLO GREETING
        help = greet NAME
        commands = exec, instance start
        handler = hello
        signature = i:cS
        [command]
        name = greet
        help = greets
        handler = greet
        signature = i:cS
        [probe]
        offset = 8
        bytes = de ad BE ef
        """
    ).get()
    #expect(manifest.name == "Hello")
    #expect(manifest.abi == 1...3)
    #expect(manifest.priority == -5)
    #expect(manifest.after == ["org.a.b", "org.c.d"])
    #expect(manifest.before == ["org.e.f"])
    #expect(manifest.phases == [.mounts, .preExec])
    #expect(manifest.configurationKeys == ["always use nv", "always use that"])
    #expect(manifest.schemes == ["demo", "demo+ssh"] && manifest.pushSchemes == ["demo"])
    #expect(manifest.allowsDrafts && manifest.privileged == .never)
    let flag = try #require(manifest.flags.first)
    #expect(flag.short == "H" && flag.kind == .strings && flag.environment == ["HELLO", "GREETING"])
    #expect(flag.commands == ["exec", "instance start"])
    #expect(flag.signature == Signature("i:cS"))
    #expect(manifest.commands.map(\.name) == ["greet"])
    #expect(manifest.probes == [ManifestProbe(offset: 8, bytes: [0xDE, 0xAD, 0xBE, 0xEF])])
}

/// Text after the required keys, the line that must be blamed, and a part of the reason.
@Test(arguments: [
    ("hlep = x\n", 5, "unknown key hlep"),
    ("name\n", 5, "expected key = value"),
    (" = x\n", 5, "expected key = value"),
    ("id = org.example.other\n", 5, "was given in line 1"),
    ("[flag\n", 5, "written [name]"),
    ("[thing]\n", 5, "unknown block [thing]"),
    ("phases = mount\n", 1, "no phase mount"),
    ("priority = 1001\n", 5, "number from -1000 to 1000"),
    ("draft-ok = true\n", 5, "yes or no"),
    ("extensions = skiff.network/1\n", 1, "is a draft"),
    ("schemes = Demo\nextensions = skiff.transport/1\n", 1, "small letters, digits, +, - and ., unlike Demo"),
    ("schemes = a docker\nextensions = skiff.transport/1\n", 1, "the scheme docker is skiff's own"),
    ("schemes = localimage\nextensions = skiff.transport/1\n", 1, "the scheme localimage is skiff's own"),
    ("schemes = a a\nextensions = skiff.transport/1\n", 1, "the scheme a is there twice"),
    ("schemes = a\npush-schemes = b\nextensions = skiff.transport/1\n", 1, "b of push-schemes"),
    ("schemes = a\n", 1, "belong together"),
    ("extensions = skiff.transport/1\n", 1, "belong together"),
    ("config-keys = something\n", 1, "begin with always use"),
    ("privileged = maybe\n", 5, "cannot be maybe"),
    ("name = a\u{0}b\n", 5, "not UTF-8"),
    ("[flag]\nhelp = x\n", 5, "[flag] needs name"),
    ("[flag]\nname = Hello\nhelp = x\n", 6, "small letters"),
    ("[flag]\nname = -hello\nhelp = x\n", 6, "small letters"),
    ("[flag]\nname = a\nhelp = x\ntype = enum\n", 8, "cannot be enum"),
    ("[flag]\nname = a\nhelp = x\nshort = ab\n", 8, "one letter"),
    ("[flag]\nname = a\nhelp = x\nhandler = a\n", 5, "belong together"),
    ("[flag]\nname = a\nhelp = x\nhandler = a\nsignature = i:cs\n", 5, "does not fit a flag of type bool"),
    ("[flag]\nname = a\nhelp = x\nhandler = a\nsignature = q:c\n", 9, "not a signature"),
    ("[flag]\nname = a\nhelp = x\n[flag]\nname = a\nhelp = y\n", 8, "a is there twice"),
    ("[command]\nname = a\nhelp = x\nhandler = a\nsignature = i:cs\n", 5, "signature is i:cS"),
    ("[probe]\nbytes = 4\n", 5, "hexadecimal"),
    ("[probe]\nbytes = 41\n", 5, "2 to 64"),
    ("[probe]\nbytes = 41 42\noffset = -1\n", 7, "number from 0"),
])
func manifestErrors(text: String, line: Int, reason: String) {
    guard case .failure(let error) = parse(head + text) else {
        Issue.record("accepted: \(text)")
        return
    }
    #expect(error.line == line)
    #expect(error.reason.contains(reason), "\(error.reason)")
}

@Test(arguments: ["id", "version", "abi", "library"])
func manifestNeeds(key: String) {
    let lines = head.split(separator: "\n").filter { !$0.hasPrefix(key) }
    let result = parse(lines.joined(separator: "\n"))
    #expect(result == .failure(ManifestError(line: 1, reason: "the manifest needs \(key)")))
}

@Test(arguments: ["hello", "org..hello", ".hello", "org.Hello", "org/hello.x", "org.-a", "org.hello\u{e9}"])
func manifestRefusesID(id: String) {
    guard case .failure(let error) = parse("id = \(id)\nversion = 1\nabi = 0.1\nlibrary = a.so\n") else {
        Issue.record("accepted \(id)")
        return
    }
    #expect(error.line == 1)
}

@Test(arguments: ["../hello.so", "/hello.so", ".hello.so", "hello.so.1", "a b.so"])
func manifestRefusesLibrary(library: String) {
    guard case .failure(let error) = parse("id = org.a\nversion = 1\nabi = 0.1\nlibrary = \(library)\n") else {
        Issue.record("accepted \(library)")
        return
    }
    #expect(error.line == 4)
}

@Test(
    arguments: [
        ("0.1", 1...1), ("0.1-0.3", 1...3), ("1.0-2.5", 0x10000...0x20005), ("0.3-0.1", nil), ("1", nil), ("1.x", nil),
        ("0.65536", nil), ("", nil), ("0.1-0.2-0.3", nil),
    ] as [(String, ClosedRange<UInt32>?)])
func abiRanges(text: String, expected: ClosedRange<UInt32>?) {
    #expect(parseABIRange(text) == expected)
}

@Test(arguments: [
    ("i:", true), ("v:c", true), ("i:ciulLbspSBfF", true), ("i:ciulLbspSBfFh", false), ("i", false), ("x:c", false),
    ("i:q", false), ("i;c", false), ("", false),
])
func signatureGrammar(text: String, isOne: Bool) {
    #expect((Signature(text) != nil) == isOne)
}

@Test(arguments: [
    ("i:cb", "cb", true), ("i:c", "cb", true), ("v:", "cb", true), ("i:xcb", "cb", true), ("i:chb", "cb", true),
    ("i:cs", "cb", false), ("i:cbs", "cb", false), ("i:xS", "cS", true), ("i:b", "cb", true), ("i:bb", "cb", false),
])
func signatureAccepts(signature: String, offered: String, expected: Bool) throws {
    #expect(try #require(Signature(signature)).accepts(Array(offered.utf8)) == expected)
}

@Test func plugsAreOrdered() {
    func make(_ id: String, _ priority: Int = 0, after: [String] = [], before: [String] = []) -> Manifest {
        var manifest = Manifest(id: id, version: "1", abi: 1...1, library: "x.so")
        (manifest.priority, manifest.after, manifest.before) = (priority, after, before)
        return manifest
    }
    func order(_ manifests: [Manifest]) -> [String] { PluginOrder.sorted(manifests, manifest: { $0 }).map(\.id) }
    #expect(order([make("o.c"), make("o.b"), make("o.a")]) == ["o.a", "o.b", "o.c"])
    #expect(order([make("o.a"), make("o.b", -1)]) == ["o.b", "o.a"])
    #expect(order([make("o.a", -9, after: ["o.z"]), make("o.z")]) == ["o.z", "o.a"])
    #expect(order([make("o.a"), make("o.z", 9, before: ["o.a"])]) == ["o.z", "o.a"])
    // A circle still gives an order, and the same one every time.
    #expect(order([make("o.a", after: ["o.b"]), make("o.b", after: ["o.a"]), make("o.c")]) == ["o.c", "o.a", "o.b"])
}
