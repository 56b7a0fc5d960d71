import Base
import Core
import Linux
import TestSupport
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
        format = 1
        phases = mounts, pre_exec, ?sealed, ?started
        hidden = yes
        ?colour = blue
        schemes = demo, demo+ssh
        push-schemes = demo
        extensions = skiff.transport/1, skiff.image-format/2
        draft-ok = yes
        privileged = never

        [flag]
        name = hello
        short = H
        type = strings
        env = HELLO, GREETING
        help = greet NAME
        commands = exec, instance  start
        default = a, b
        no-value = all
        values = a, b, all
        ?colour = blue
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
        [?seal]
        anything = goes
        [config]
        name = hello library path
        type = path
        default = /opt
        help = where it is
        """
    ).get()
    #expect(manifest.name == "Hello")
    #expect(manifest.abi == 1...3)
    #expect(manifest.priority == -5)
    #expect(manifest.after == ["org.a.b", "org.c.d"])
    #expect(manifest.before == ["org.e.f"])
    #expect(manifest.phases == [.mounts, .preExec, .started] && manifest.isHidden)
    #expect(
        manifest.settings.map(\.directive) == [
            PluginDirective(
                name: "hello library path", kind: .path, standard: "/opt", comment: "where it is",
                plugin: "org.example.hello")
        ])
    #expect(manifest.schemes == ["demo", "demo+ssh"] && manifest.pushSchemes == ["demo"])
    #expect(manifest.allowsDrafts && manifest.privileged == .never)
    let flag = try #require(manifest.flags.first)
    #expect(flag.short == "H" && flag.kind == .strings && flag.environment == ["HELLO", "GREETING"])
    #expect(flag.commands == ["exec", "instance start"])
    #expect(flag.defaultValue == "a, b" && flag.impliedValue == "all" && flag.values == ["a", "b", "all"])
    #expect(
        flag.values(in: [], of: "o") == ["a", "b"]
            && flag.values(in: [PluginFlagUse("hello", ["all"])], of: "o") == ["all"])
    #expect(flag.signature == Signature("i:cS"))
    #expect(manifest.commands.map(\.name) == ["greet"])
    #expect(manifest.probes == [ManifestProbe(offset: 8, bytes: [0xDE, 0xAD, 0xBE, 0xEF])])
}

@Test func manifestsHaveGroups() throws {
    let manifest = try parse(
        """
        id = org.example.hello
        version = 1
        abi = 0.2
        library = a.so
        [group]
        name = layers
        help = manage layers
        [command]
        name = layers make
        usage = file
        help = makes one
        description = longer
        arguments = 1
        completes = files
        handler = make
        signature = i:cS
        [command]
        name = layers drop
        help = drops some
        arguments = 2-
        handler = drop
        signature = i:cS
        [flag]
        name = size
        short = s
        type = string
        help = how large
        commands = layers make
        [flag]
        name = some
        short = s
        help = the same letter in another command
        commands = layers drop
        """
    ).get()
    #expect(manifest.groups == [ManifestGroup(name: "layers", help: "manage layers")])
    #expect(manifest.commands.map(\.arguments) == [1...1, 2...Int.max])
    #expect(manifest.commands[0].description == "longer" && manifest.commands[0].completes == .files)
}

/// Text after the required keys, the line and the column that must be blamed, and a part of the reason.
@Test(
    arguments: [
        ("hlep = x\n", 5, 0, "unknown key hlep"),
        ("name\n", 5, 0, "expected key = value"),
        (" = x\n", 5, 0, "expected key = value"),
        ("? = x\n", 5, 0, "expected key = value"),
        ("id = org.example.other\n", 5, 0, "was given in line 1"),
        ("?id = org.example.other\n", 5, 0, "was given in line 1"),
        ("[flag\n", 5, 0, "written [name]"),
        ("[]\n", 5, 0, "written [name]"),
        ("[?]\n", 5, 0, "written [name]"),
        ("[thing]\n", 5, 0, "unknown block [thing]"),
        ("format = 2\n", 5, 10, "format 2 is of a newer skiff; this one reads format 1"),
        ("format = one\n", 5, 10, "format is a number"),
        ("phases = mount\n", 5, 0, "no phase mount"),
        ("phases = mounts environment\n", 5, 0, "no phase mounts environment; items stand between commas"),
        ("phases = mounts, ?mounts\n", 5, 0, "phases has mounts twice"),
        ("after = a,,b\n", 5, 9, "an item of after is empty"),
        ("after = a, a\n", 5, 9, "after has a twice"),
        ("priority = 1001\n", 5, 12, "number from -1000 to 1000"),
        ("draft-ok = true\n", 5, 12, "yes or no"),
        ("extensions = skiff.network/2\n", 1, 0, "is a draft"),
        ("schemes = Demo\nextensions = skiff.transport/1\n", 5, 0, "small letters, digits, +, - and ., unlike Demo"),
        ("schemes = a, docker\nextensions = skiff.transport/1\n", 5, 0, "the scheme docker is skiff's own"),
        ("schemes = localimage\nextensions = skiff.transport/1\n", 5, 0, "the scheme localimage is skiff's own"),
        ("schemes = a, a\nextensions = skiff.transport/1\n", 5, 11, "schemes has a twice"),
        ("schemes = a\npush-schemes = b\nextensions = skiff.transport/1\n", 6, 0, "b of push-schemes"),
        ("schemes = a\n", 1, 0, "belong together"),
        ("targets = .a\n", 1, 0, "targets and the extension skiff.build-target/1 belong together"),
        (
            "targets = a\nextensions = skiff.build-target/1\ndraft-ok = yes\n", 5, 0,
            "a dot and letters, digits, - _ or ., unlike a"
        ),
        ("targets = .a/b\nextensions = skiff.build-target/1\ndraft-ok = yes\n", 5, 0, "unlike .a/b"),
        ("targets = .sif\nextensions = skiff.build-target/1\ndraft-ok = yes\n", 5, 0, ".sif is skiff's own"),
        ("targets = .a\nextensions = skiff.build-target/1\n", 1, 0, "is a draft"),
        ("extensions = skiff.transport/1\n", 1, 0, "belong together"),
        ("config-keys = always use nv\n", 5, 0, "unknown key config-keys"),
        ("privileged = maybe\n", 5, 14, "cannot be maybe"),
        ("name = a\u{0}b\n", 5, 9, "a NUL byte"),
        ("name = a\rb\r\n", 5, 9, "a carriage return inside"),
        ("name = \u{1b}[31m\n", 5, 8, "a control character"),
        ("name = a\u{202e}b\n", 5, 0, "a mark of the writing direction"),
        ("[flag]\nhelp = x\n", 5, 0, "[flag] needs name"),
        ("[flag]\nname = Hello\nhelp = x\n", 6, 8, "small letters"),
        ("[flag]\nname = -hello\nhelp = x\n", 6, 8, "small letters"),
        ("[flag]\nname = a\nhelp = x\ntype = enum\n", 8, 8, "cannot be enum"),
        ("[flag]\nname = a\nhelp = x\nshort = ab\n", 8, 9, "one letter"),
        ("[flag]\nname = a\nhelp = x\nenv = A B\n", 8, 0, "unlike A B; items stand between commas"),
        ("[flag]\nname = a\nhelp = x\nhandler = a\n", 5, 0, "belong together"),
        ("[flag]\nname = a\nhelp = x\nhandler = a\nsignature = i:cs\n", 5, 0, "does not fit a flag of type bool"),
        ("[flag]\nname = a\nhelp = x\nhandler = a\nsignature = q:c\n", 9, 13, "not a signature"),
        ("[flag]\nname = a\nhelp = x\n[flag]\nname = a\nhelp = y\n", 8, 0, "--a is there twice"),
        ("[flag]\nname = a\nshort = a\nhelp = x\n[flag]\nname = b\nshort = a\nhelp = y\n", 0, 0, "-a is there twice"),
        ("[flag]\nname = a\nhelp = x\nno-value = true\n", 5, 0, "no-value is for flags with a value"),
        ("[flag]\nname = a\nhelp = x\nmin = 1\n", 5, 0, "min and max are for flags of type int"),
        ("[flag]\nname = a\nhelp = x\ntype = int\nmin = 2\nmax = 1\n", 5, 0, "min is larger than max"),
        ("[flag]\nname = a\nhelp = x\ntype = int\nmin = 2\ndefault = 1\n", 10, 11, "default of --a must be from 2 to"),
        ("[flag]\nname = a\nhelp = x\ntype = int\nno-value = all\n", 9, 12, "no-value of --a must be a number"),
        ("[flag]\nname = a\nhelp = x\ndefault = 1\n", 8, 11, "default of --a is yes or no"),
        ("[flag]\nname = a\nhelp = x\nvalues = b\n", 5, 0, "values are for flags of type string"),
        ("[flag]\nname = a\nhelp = x\ntype = string\nvalues = b, c\ndefault = d\n", 10, 11, "must be one of: b c"),
        ("[flag]\nname = a\nhelp = x\ntype = strings\nvalues = b, c\nno-value = b,d\n", 10, 12, "must be one of: b c"),
        ("[flag]\nname = a\nhelp = x\ntype = string\nvalues = $(id)\n", 9, 0, "unlike $(id)"),
        ("[flag]\nname = a\nhelp = x\ntype = string\nvalues = b\nsuggestions = c\n", 5, 0, "suggestions are for"),
        (
            "[flag]\nname = a\nhelp = x\ntype = int\nmax = 3\nsuggestions = 2, 4\n", 10, 0,
            "4 of suggestions is not a value of --a"
        ),
        ("[flag]\nname = a\nhelp = x\ntype = path\ncompletes = programs\n", 9, 13, "completes cannot be programs"),
        ("[command]\nname = a\nhelp = x\nhandler = a\nsignature = i:cs\n", 5, 0, "signature is i:cS"),
        (
            "[command]\nname = a b c\nhelp = x\nhandler = a\nsignature = i:cS\n", 6, 8,
            "one word, or a group and a verb"
        ),
        ("[command]\nname = a b\nhelp = x\nhandler = a\nsignature = i:cS\n", 0, 0, "a b needs a [group] a"),
        ("[command]\nname = a\nhelp = x\narguments = 2-1\nhandler = a\nsignature = i:cS\n", 8, 13, "arguments is like"),
        ("[command]\nname = a\nhelp = x\narguments = -\nhandler = a\nsignature = i:cS\n", 8, 13, "arguments is like"),
        (
            "[command]\nname = a\nhelp = x\nhandler = a\nsignature = i:cS\n[flag]\nname = b\nhelp = x\ncommands = a\n",
            0, 0, "it needs arguments to have --b"
        ),
        ("[group]\nname = a b\nhelp = x\n", 6, 8, "a group's name has small letters"),
        ("[group]\nname = a\n", 5, 0, "[group] needs help"),
        ("[config]\nname = mount home\nhelp = x\n", 6, 8, "mount home is a directive of skiff's own"),
        ("[config]\nname = a  b\nhelp = x\n", 6, 8, "words of letters"),
        ("[config]\nname = a\n", 5, 0, "[config] needs help"),
        ("[config]\nname = a\nhelp = x\ntype = bool\ndefault = true\n", 9, 11, "the default of a must be yes or no"),
        (
            "[config]\nname = a\nhelp = x\ntype = path\ndefault = b\n", 9, 11,
            "the default of a must be an absolute path"
        ),
        (
            "[config]\nname = a\nhelp = x\ntype = bool\nloads = yes\ndefault = yes\n", 10, 11,
            "does not do so by default"
        ),
        ("[config]\nname = always use a\nhelp = x\ntype = bool\n", 6, 8, "has type = bool and loads = yes"),
        ("[config]\nname = a\nhelp = x\n[config]\nname = a\nhelp = x\n", 8, 0, "a = is there twice"),
        ("[probe]\nbytes = 41 42\n", 0, 0, "[probe] and the extension skiff.image-format/2 belong together"),
        ("draft-ok = yes\nextensions = skiff.image-format/2\n", 0, 0, "belong together"),
        ("[probe]\nbytes = 4\n", 5, 0, "hexadecimal"),
        ("[probe]\nbytes = 41\n", 5, 0, "2 to 64"),
        ("[probe]\nbytes = 41 42\noffset = -1\n", 7, 10, "number from 0"),
    ] as [(String, Int, Int, String)])
func manifestErrors(text: String, line: Int, column: Int, reason: String) {
    guard case .failure(let error) = parse(head + text) else {
        Issue.record("accepted: \(text)")
        return
    }
    #expect(error.line == line && error.column == column, "\(error)")
    #expect(error.reason.contains(reason), "\(error.reason)")
}

@Test func manifestErrorsOfTheWholeFile() {
    #expect(
        parse("\u{FEFF}" + head)
            == .failure(ManifestError(line: 1, column: 1, reason: "a byte order mark, which does not belong here")))
    let long = head + "name = " + String(repeating: "x", count: 1 << 20) + "\n"
    #expect(parse(long) == .failure(ManifestError(line: 0, reason: "longer than 64 KiB")))
    let described = ManifestError(line: 3, column: 9, reason: "a NUL byte").described(in: "/p/x.plugin")
    #expect(described.message == "cannot use plugin manifest /p/x.plugin: line 3, column 9: a NUL byte")
    let windows = parse(head.split(separator: "\n").joined(separator: "\r\n") + "\r\n")
    #expect((try? windows.get().library) == "hello.so")
    // A thousand blocks take no time that anybody sees.
    let many = (0..<1000).map { "[flag]\nname = a\($0)\nhelp = x\n" }.joined()
    #expect((try? parse(head + many).get().flags.count) == 1000)
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

/// Whatever bytes a file has, it is read or refused, and nothing that is read could change what people see.
@Test func manifestsOfAnyBytes() throws {
    var random = SeededRandom(7)
    let folder = repository + "/Tests/Fuzz/Manifest/seeds"
    let seeds = try ["all.plugin", "small.plugin", "values.plugin"].map { try readFile("\(folder)/\($0)") }
    var accepted = 0
    for _ in 0..<3000 {
        var bytes = seeds.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &random)))
            default: bytes.insert(contentsOf: bytes[..<place].suffix(60), at: place)
            }
        }
        let outline = ManifestOutline(bytes)
        #expect(outline.flags.allSatisfy { isFlagName($0.name) } && outline.schemes.allSatisfy(isURIScheme))
        guard let manifest = try? Manifest(parsing: bytes) else { continue }
        accepted += 1
        for text in [manifest.name, manifest.description] + manifest.flags.map(\.help) {
            #expect(text.printable == text)
        }
    }
    #expect(accepted > 500)
}
