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
        let stage = definition.stages[0]
        #expect(stage.header.map(\.key) == ["bootstrap", "from", "from"])
        #expect(stage.header.map(\.line) == [2, 3, 4])
        #expect(stage.value("from") == "other.sif")
        #expect(stage.scripts[.setup] == .init(arguments: "-x", body: Array(" a\n".utf8), line: 6, lines: [7]))
        #expect(
            stage.scripts[.post]
                == .init(arguments: "-c python3 -I", body: Array(" b\n c\n".utf8), line: 10, lines: [11, 13]))
        #expect(stage.scripts[.help]?.body == Array("  text\n".utf8))
        #expect(stage.files.count == 1)
        #expect(stage.files[0].files.map(\.source) == ["one", "two"])
        #expect(stage.files[0].files.map(\.destination) == ["", "three"])
        #expect(stage.files[0].files.map(\.line) == [9, 15])
        #expect(stage.sections.map(\.name) == ["setup", "files", "post", "post", "files", "help"])
    }

    @Test(arguments: [
        ("a b", "a", "b"), ("\t a\tb", "a", "b"), ("\"a b\" \"c d\" e", "a b", "c d"), ("'a b' c", "'a", "b'"),
        ("\"a b", "\"a", "b"), ("a", "a", ""), ("a b # c", "a", "b"), ("\"a\"b", "a", "b"),
    ])
    func splitsFiles(line: String, source: String, destination: String) throws {
        let files = try parse("Bootstrap: scratch\n%files\n\(line)\n # no\n\n").stages[0].files
        #expect(files.flatMap(\.files) == [.init(source: source, destination: destination, line: 3)])
    }

    @Test(arguments: [
        ("K v", "K", "v"), ("K", "K", ""), ("  K  v w ", "K", "v w"), ("K\tv", "K\tv", ""), ("K v # x", "K", "v # x"),
    ])
    func splitsLabelsAtTheFirstSpace(line: String, key: String, value: String) throws {
        #expect(
            try parse("Bootstrap: scratch\n%labels\n\(line)\n#x\n").stages[0].labels == [.init(key: key, value: value)])
    }

    @Test(arguments: [
        ("From: a\\\n  b\n", "ab"), ("From: a \\\n  b # c\n", "a b"), ("From: a\\n\\\n b\n", "a\nb"),
        ("From: a\\\n", "a"),
        ("From:a:b\n", "a:b"), ("FROM :  x  \n", "x"),
    ])
    func continuesHeaderValues(text: String, value: String) throws {
        #expect(try parse("Bootstrap: localimage\n" + text).stages[0].value("from") == value)
    }

    @Test func toleratesWindowsLineEnds() throws {
        let definition = try parse("Bootstrap: scratch\r\n%post\r\n echo\r\n%runscript")
        #expect(definition.stages[0].value("bootstrap") == "scratch")
        #expect(definition.stages[0].scripts[.post]?.body == Array(" echo\n".utf8))
        #expect(definition.stages[0].scripts[.runscript]?.body == [])
        #expect(definition.text.contains(0x0D))
    }

    @Test func keepsBodiesThatAreNoText() throws {
        let definition = try Definition(parsing: Array("Bootstrap: scratch\n%post\n".utf8) + [0xFF, 0, 0x0A])
        #expect(definition.stages[0].scripts[.post]?.body == [0xFF, 0, 0x0A])
    }

    private static let parsing = "Unable to build from b.def: while parsing definition: b.def: "
    private static let performing = "While performing build: "
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
            parsing + "invalid section(s) specified: bar, nosuchsection", "b.def:2: %nosuchsection"
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
            "Bootstrap: scratch\n%pre -c\n true\n",
            "While performing build: while processing section %pre arguments: "
                + "bad pre section '-c' parameter: missing arguments", "b.def:2: %pre -c"
        ),
        (
            "Bootstrap: scratch\n%setup -c\n true\n",
            "While performing build: while processing section %setup arguments: "
                + "bad setup section '-c' parameter: missing arguments", "b.def:2: %setup -c"
        ),
        (
            "Bootstrap: scratch\n%post -c # x\n true\n",
            "While performing build: while running engine: while processing section %post arguments: "
                + "bad post section '-c' parameter: missing arguments", "b.def:2: %post -c # x"
        ),
        (
            "Bootstrap: localimage\n",
            performing + "conveyor failed to get: invalid localimage header, no From specified",
            "b.def:1: Bootstrap: localimage"
        ),
        (
            "Bootstrap: yum\nMirrorURL: x/%{OsVersion}/y\n",
            performing + "conveyor failed to get: invalid yum header, no OSVersion specified", "b.def:1: Bootstrap: yum"
        ),
        (
            "Bootstrap: scratch\n%files from nowhere\n x\n",
            performing + "unable to copy files from stage to container fs: stage nowhere was not found",
            "b.def:2: %files from nowhere"
        ),
        (
            "Bootstrap: scratch\nStage: a\n%files from b\n x\nBootstrap: scratch\nStage: b\n",
            performing + "unable to copy files from stage to container fs: stage b is not built before this one",
            "b.def:3: %files from b"
        ),
        (
            "Bootstrap: scratch\nStage: a\n%files from a\n x\n",
            performing + "unable to copy files from stage to container fs: stage a is not built before this one",
            "b.def:3: %files from a"
        ),
        (
            "Bootstrap: scratch\n%apprun ../x\n true\n", parsing + "invalid app name ../x", "b.def:2: %apprun ../x"
        ),
        (
            "Bootstrap: scratch\n%post\n echo {{ A }}\n",
            "Unable to build from b.def: build var A is not defined through either --build-arg (--build-arg-file) or "
                + "'arguments' section", "b.def:3:  echo {{ A }}"
        ),
    ])
    func refusesAsApptainerDoes(text: String, message: String, place: String?) {
        let lines = refused(text)?.split(separator: "\n").map(String.init) ?? []
        #expect(lines.first == message)
        #expect(place == nil || lines.dropFirst().first == "         \(place ?? "")")
    }

    @Test func showsNoControlCharacters() throws {
        let refusal = try #require(refused("Bootstrap: scratch\n%\u{1B}[31mx\u{7}\n"))
        #expect(refusal.split(separator: "\n").last?.contains("\u{1B}") == false)
        #expect(refusal.contains("b.def:2: % [31mx "))
    }

    @Test func recordsTheSpecificationOfAnImage() {
        let definition = Definition(localImage: "/x/base.sif")
        #expect(definition.text == Array("bootstrap: localimage\nfrom: /x/base.sif\n\n".utf8))
        #expect(definition.stages[0].value("from") == "/x/base.sif")
    }
}
