import Testing

@testable import Build

@Suite struct StageTests {
    private func parse(_ text: String, _ words: [String] = []) throws -> Definition {
        try Definition(parsing: Array(text.utf8), arguments: try BuildArguments(words: words, file: nil))
    }

    @Test func cutsAtEveryBootstrapLine() throws {
        let definition = try parse(
            """
            # what stands above is no stage
            Bootstrap: scratch
            Stage: one
            %files into no body # unknown words are passed over
            %post
             a
            BOOTSTRAP: localimage
            From: x
            %files from one
             /a /b
            %files
             c
            %files from one
             d

            """)
        #expect(definition.stages.map(\.name) == ["one", nil])
        #expect(definition.stages.map(\.agent) == ["scratch", "localimage"])
        #expect(definition.stages[0].files.isEmpty)
        #expect(definition.warnings.count == 1)
        #expect(definition.warnings[0].hasPrefix("line 4: '%files into no body' is passed over"))
        let groups = definition.stages[1].files
        #expect(groups.map(\.stage) == ["one", nil])
        #expect(groups[0].files.map(\.source) == ["/a", "d"])
        #expect(groups[1].files.map(\.source) == ["c"])
        #expect(definition.text.starts(with: Array("Bootstrap: scratch\nStage: one".utf8)))
    }

    @Test func fillsEachStageWithItsOwnValues() throws {
        let definition = try parse(
            """
            Bootstrap: scratch
            Stage: {{S}}
            %arguments
             S=one
             X = {{ Y }}
             Y='y'
             no assignment
            %post -x{{ Y }}
             echo {{ X }}{{ X }} # {{ Y }} {{ NONE }}
            %{{ Z }} x

            """, ["Z=runscript", "Y=z,", "Y=q"])
        let stage = definition.stages[0]
        #expect(stage.name == "one")
        #expect(stage.scripts[.post]?.arguments == "-xq")
        #expect(stage.scripts[.post]?.body == Array(" echo qq # {{ Y }} {{ NONE }}\n".utf8))
        #expect(stage.scripts[.runscript]?.arguments == "x")
        #expect(definition.warnings.count == 1)
        #expect(definition.warnings[0].hasPrefix("line 7: "))
        #expect(String(decoding: definition.text, as: UTF8.self).contains("Stage: one\n%arguments\n S=one\n"))
    }

    @Test func takesNoValueOfAnotherStage() {
        #expect(throws: DefinitionError.self) {
            try parse("Bootstrap: scratch\n%arguments\nA=1\nBootstrap: scratch\n%post\n{{ A }}\n")
        }
    }

    @Test func expandsOneFurtherLevelAndNoMore() throws {
        let definition = try parse(
            "Bootstrap: scratch\n%arguments\nA={{ B }}\nB={{ A }}\n%post\n{{ A }}\n")
        #expect(definition.stages[0].scripts[.post]?.body == Array("{{ A }}\n".utf8))
    }

    @Test func keepsLinesInStepWithValuesOfSeveralLines() throws {
        let definition = try parse("Bootstrap: scratch\n%post\n{{ A }}\nlast\n", ["A=one\ntwo"])
        #expect(definition.stages[0].scripts[.post]?.body == Array("one\ntwo\nlast\n".utf8))
        #expect(definition.stages[0].scripts[.post]?.lines == [3, 3, 4])
    }

    @Test(arguments: [
        ("{{ A\n }}", "1"), ("{{\nA }}x", "1x"), ("{{\n\nA\n}}", "1"), ("#{{ A }}", "#1"), ("## {{ A }}", "## {{ A }}"),
        ("#! {{ A }}", "#! 1"), ("{{{A}}}", "{1}"), ("# {{ A\n }}", "# {{ A\n }}"), ("{{ A\nB }}", "{{ A\nB }}"),
    ])
    func fillsWhereApptainerDoes(text: String, expected: String) throws {
        let definition = try parse("Bootstrap: scratch\n%help\n\(text)\n", ["A=1", "B=2"])
        #expect(definition.stages[0].scripts[.help]?.body == Array((expected + "\n").utf8))
    }

    @Test func pointsOutBracesWithoutEnd() throws {
        let definition = try parse("Bootstrap: scratch\n%post\n echo {{ A\n true\n")
        #expect(definition.warnings == ["line 3: '{{' is not closed by '}}' and stays as it is"])
        #expect(throws: DefinitionError.self) { try parse("Bootstrap: scratch\nFrom: {{ A\n") }
    }

    @Test func namesWhatNoStageUses() throws {
        #expect(
            try parse("Bootstrap: scratch\n%post\n{{ A }}\n", ["A=1", "C=3", "B=2"]).unusedArguments == ["B", "C"])
    }

    @Test(arguments: ["# {{ A }}", "x # {{ A }}", "{{ A", "{{ .A }}", "{{}}", "{{ A b }}", "{ { A }}"])
    func leavesOtherBracesAlone(line: String) throws {
        let definition = try parse("Bootstrap: scratch\n%post\n\(line)\n")
        #expect(definition.stages[0].scripts[.post]?.body == Array((line + "\n").utf8))
    }

    @Test func readsArgumentFiles() {
        var arguments = BuildArguments()
        arguments.read(Array("A=1\n\n# c\n B = x=y \n=no\n".utf8), "f")
        #expect(arguments.values == ["A": "1", "B": "x=y"])
        #expect(arguments.warnings.count == 3)
        #expect(arguments.warnings[0].contains("f:2"))
    }

    @Test func gathersApplications() throws {
        let stage = try parse(
            """
            Bootstrap: scratch
            %appinstall b
             one
            %apprun a
             run
            %appinstall b
             two
            %applabels b
             K v w
            %appfiles b
             "x y" # z
             s d

            """
        ).stages[0]
        #expect(stage.apps.map(\.name) == ["b", "a"])
        #expect(stage.apps[0].scripts[.install]?.body == Array(" one\n two\n".utf8))
        #expect(stage.apps[0].labels == [.init(key: "K", value: "v w")])
        #expect(stage.apps[0].files.map(\.source) == ["\"x", "s"])
        #expect(stage.apps[0].files.map(\.destination) == ["y\"", "d"])
        let post = String(decoding: try #require(stage.postScript).body, as: UTF8.self)
        #expect(
            post == "cd /\n. '/scif/apps/b'/scif/env/01-base.sh\ncd '/scif/apps/b'\n one\n two\ncd /\n"
                + "cd /\n. '/scif/apps/a'/scif/env/01-base.sh\ncd '/scif/apps/a'\ncd /\n")
        #expect(stage.postScript?.lines.count == 10)
    }

    @Test func leavesPostOutWhereNothingIsInstalled() throws {
        #expect(try parse("Bootstrap: scratch\n%apprun a\n x\n").stages[0].postScript == nil)
    }
}
