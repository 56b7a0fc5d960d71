import Testing

@testable import Build

@Suite struct DefinitionTests {
    private func parse(_ text: String) throws -> Definition { try Definition(parsing: Array(text.utf8)) }

    private func refused(_ text: String) -> String? {
        do throws(DefinitionError) {
            _ = try Definition(parsing: Array(text.utf8))
            return nil
        } catch {
            return error.described(in: "b.def").description
        }
    }

    @Test func readsEverySectionThereIs() throws {
        let definition = try parse(
            """
            # comment
            BootStrap: localimage # which one
            From: base.sif
            from: other.sif

            %setup -x # trace
             a
            %FILES
             one
            %post
             b
            %post -c python3 -I
             c
            %files
             two three
            %help
              text

            """)
        #expect(definition.header.map(\.key) == ["bootstrap", "from", "from"])
        #expect(definition.header.map(\.line) == [2, 3, 4])
        #expect(definition.value("from") == "other.sif")
        #expect(definition.scripts[.setup] == .init(arguments: "-x", body: Array(" a\n".utf8), line: 6))
        #expect(definition.scripts[.post] == .init(arguments: "-c python3 -I", body: Array(" b\n c\n".utf8), line: 10))
        #expect(definition.scripts[.help]?.body == Array("  text\n".utf8))
        #expect(definition.files.map(\.source) == ["one", "two"])
        #expect(definition.files.map(\.destination) == ["", "three"])
        #expect(definition.files.map(\.line) == [9, 15])
    }

    @Test(arguments: [
        ("a b", "a", "b"), ("\t a\tb", "a", "b"), ("\"a b\" \"c d\" e", "a b", "c d"), ("'a b' c", "'a", "b'"),
        ("\"a b", "\"a", "b"), ("a", "a", ""), ("a b # c", "a", "b"), ("\"a\"b", "a", "b"),
    ])
    func splitsFiles(line: String, source: String, destination: String) throws {
        let files = try parse("Bootstrap: scratch\n%files\n\(line)\n # no\n\n").files
        #expect(files == [.init(source: source, destination: destination, line: 3)])
    }

    @Test(arguments: [
        ("K v", "K", "v"), ("K", "K", ""), ("  K  v w ", "K", "v w"), ("K\tv", "K\tv", ""), ("K v # x", "K", "v # x"),
    ])
    func splitsLabelsAtTheFirstSpace(line: String, key: String, value: String) throws {
        #expect(
            try parse("Bootstrap: scratch\n%labels\n\(line)\n#x\n").labels == [.init(key: key, value: value)])
    }

    @Test(arguments: [
        ("From: a\\\n  b\n", "ab"), ("From: a \\\n  b # c\n", "a b"), ("From: a\\n\\\n b\n", "a\nb"),
        ("From: a\\\n", "a"),
        ("From:a:b\n", "a:b"), ("FROM :  x  \n", "x"),
    ])
    func continuesHeaderValues(text: String, value: String) throws {
        #expect(try parse("Bootstrap: localimage\n" + text).value("from") == value)
    }

    @Test func toleratesWindowsLineEnds() throws {
        let definition = try parse("Bootstrap: scratch\r\n%post\r\n echo\r\n%runscript")
        #expect(definition.value("bootstrap") == "scratch")
        #expect(definition.scripts[.post]?.body == Array(" echo\n".utf8))
        #expect(definition.scripts[.runscript]?.body == [])
        #expect(definition.text.contains(0x0D))
    }

    @Test func keepsBodiesThatAreNoText() throws {
        let definition = try Definition(parsing: Array("Bootstrap: scratch\n%post\n".utf8) + [0xFF, 0, 0x0A])
        #expect(definition.scripts[.post]?.body == [0xFF, 0, 0x0A])
    }

    private static let parsing = "Unable to build from b.def: while parsing definition: b.def: "
    private static let creating = "Unable to create build: "

    @Test(arguments: [
        ("", parsing + "no stages found in definition file", nil),
        ("# x\n\n", parsing + "no stages found in definition file", nil),
        (
            "garbage\n", parsing + "failed to parse deffile header: header key garbage had no val",
            "b.def:1: garbage"
        ),
        (
            "Bootstrap: scratch\nFoo: bar\n",
            parsing + "failed to parse deffile header: invalid header keyword found: foo", "b.def:2: Foo: bar"
        ),
        (
            "Bootstrap: scratch\nOtherURLx: bar\n",
            parsing + "failed to parse deffile header: invalid header keyword found: otherurlx",
            "b.def:2: OtherURLx: bar"
        ),
        (
            "Bootstrap: scratch\n%nosuchsection\n true\n%post\n%bar baz\n",
            parsing + "invalid section(s) specified: nosuchsection, bar", "b.def:2: %nosuchsection"
        ),
        ("Bootstrap: scratch\n  %post\n", parsing + "invalid section(s) specified: ", "b.def:2:   %post"),
        (
            "Bootstrap: scratch\n%post\t-c\n", parsing + "invalid section(s) specified: post\t-c",
            "b.def:2: %post -c"
        ),
        (
            "Bootstrap: scratch\n%apprun\n",
            parsing + "app section apprun: could not be split into section name and app name", "b.def:2: %apprun"
        ),
        ("%post\n true\n", creating + "multiple stages detected, all must have headers", "b.def:1: %post"),
        (
            "From: x\n%post\n true\n", creating + "unable to get conveyorpacker: no bootstrap specification found",
            "b.def:1: From: x"
        ),
        (
            "From: x\nBootstrap: scratch\n",
            creating + "unable to get conveyorpacker: no bootstrap specification found", "b.def:1: From: x"
        ),
        (
            "Bootstrap: nosuch\nFrom: x\n", creating + "unable to get conveyorpacker: invalid build source nosuch",
            "b.def:1: Bootstrap: nosuch"
        ),
        (
            "Bootstrap: scratch\n%setup -c\n",
            "While performing build: while processing section %setup arguments: "
                + "bad setup section '-c' parameter: missing arguments", "b.def:2: %setup -c"
        ),
        (
            "Bootstrap: scratch\n%post -c # x\n",
            "While performing build: while running engine: while processing section %post arguments: "
                + "bad post section '-c' parameter: missing arguments", "b.def:2: %post -c # x"
        ),
    ])
    func refusesAsApptainerDoes(text: String, message: String, place: String?) {
        let lines = refused(text)?.split(separator: "\n").map(String.init) ?? []
        #expect(lines.first == message)
        #expect(place == nil || lines.dropFirst().first == "         \(place ?? "")")
    }

    /// What a later version will do must not be left out silently now.
    @Test(arguments: [
        ("Bootstrap: docker\nFrom: x\n", "bootstrap agent docker", 1),
        ("Bootstrap: localimage\nFrom: x\nFingerprints: AA\n", "Fingerprints", 3),
        ("Bootstrap: scratch\n%pre\n true\n", "%pre sections", 2),
        ("Bootstrap: scratch\n%arguments\nA=1\n", "%arguments sections", 2),
        ("Bootstrap: scratch\n%apprun x\n true\n", "%apprun sections", 2),
        ("Bootstrap: scratch\n%post\n x {{ A }}\n", "{{ A }}", 3),
        ("Bootstrap: scratch\n%post\n #!{{A}}\n", "{{ A }}", 3),
        ("Bootstrap: scratch\n%files from a\n x\n", "%files with arguments", 2),
        ("Bootstrap: scratch\nStage: a\n%post\nbootstrap: scratch\n", "several stages", 4),
    ])
    func namesWhatIsNotAvailable(text: String, what: String, line: Int) throws {
        let refusal = try #require(refused(text))
        #expect(refusal.contains("not available in this version"))
        #expect(refusal.contains(what))
        #expect(refusal.contains("b.def:\(line): "))
    }

    @Test(arguments: ["# {{ A }}", "x # {{ A }}", "{{ A", "{{ .A }}", "{{}}", "{{ A b }}", "{ { A }}"])
    func leavesOtherBracesAlone(line: String) {
        #expect(refused("Bootstrap: scratch\n%post\n\(line)\n") == nil)
    }

    @Test func showsNoControlCharacters() throws {
        let refusal = try #require(refused("Bootstrap: scratch\n%\u{1B}[31mx\u{7}\n"))
        #expect(refusal.split(separator: "\n").last?.contains("\u{1B}") == false)
        #expect(refusal.contains("b.def:2: % [31mx "))
    }

    @Test func recordsTheSpecificationOfAnImage() {
        let definition = Definition(localImage: "/x/base.sif")
        #expect(definition.text == Array("bootstrap: localimage\nfrom: /x/base.sif\n\n".utf8))
        #expect(definition.value("from") == "/x/base.sif")
    }
}
