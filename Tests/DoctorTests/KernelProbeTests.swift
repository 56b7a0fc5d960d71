import Testing

@testable import Doctor

@Suite struct KernelProbeTests {
    @Test(arguments: [
        ("6.18.44-fc-v657", ["ok"]), ("6.1.0-28-amd64", ["note"]), ("5.15.0-91-generic", ["note"]),
        ("5.10.0-20", ["note", "note", "note"]), ("5.4.0-150-generic", ["note", "note", "note", "note"]),
        ("4.18.0-553.el8_10.x86_64", ["fault"]), ("3.10", ["fault"]), ("", ["warning"]), ("5", ["warning"]),
        ("999999999999999999999.1", ["warning"]),
    ])
    func releases(release: String, levels: [String]) {
        let found = KernelProbe.findings(release: release)
        #expect(found.map(\.level.rawValue) == levels)
        for finding in found where finding.level == .note { #expect(finding.effect != nil && finding.cure != nil) }
    }

    @Test func findingsAreLines() {
        let finding = Finding("tmp", .warning, "it is full", effect: "builds fail", cure: "rm -r /tmp/x")
        #expect(
            finding.text == """
                warning  tmp         it is full
                                     Effect: builds fail
                                     Cure:   rm -r /tmp/x

                """)
        #expect(
            finding.json.text()
                == #"{"probe":"tmp","level":"warning","fact":"it is full","effect":"builds fail","cure":"rm -r /tmp/x"}"#
        )
    }
}
