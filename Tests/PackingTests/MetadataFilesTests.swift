import Base
import OCI
import Testing

@testable import Packing

/// What an image tells about itself, written over what its base told.
@Suite struct MetadataFilesTests {
    private let root = LayerRoot(LayerTree())

    private func write(
        _ description: ImageDescription, replaces: Bool = false, base: BaseContent = BaseContent()
    ) throws {
        var options = PackingOptions()
        options.replaces = replaces
        try MetadataFiles(root, description, base, options, BuildTime(seconds: 0)).write()
    }

    private func text(_ name: String) -> String? { root.text("/.singularity.d/" + name) }

    private func described(_ change: (inout ImageDescription) -> Void) -> ImageDescription {
        var description = ImageDescription(definition: Array("new\n".utf8))
        change(&description)
        return description
    }

    @Test(arguments: [
        ("", "echo\n", "#!/bin/sh\n\necho\n\n"),
        ("-x", "echo\n", "#!/bin/sh -x\n\necho\n\n"),
        ("", " \n#!/bin/python3\nprint()\n", "#!/bin/python3\n\nprint()\n\n"),
        ("", "echo\n#!/bin/python3\n", "#!/bin/sh\n\necho\n#!/bin/python3\n\n"),
    ]) func scriptsBecomePrograms(arguments: String, body: String, program: String) throws {
        let script = ImageScript(arguments: arguments, body: Array(body.utf8))
        try write(described { ($0.runscript, $0.startscript, $0.test) = (script, script, script) })
        for name in ["runscript", "startscript", "test"] { #expect(text(name) == program) }
    }

    @Test func whatIsNotSaidIsNotWritten() throws {
        try write(described { _ in })
        #expect(text("runscript") == nil && text("runscript.help") == nil && text("env/90-environment.sh") == nil)
        #expect(text("Singularity") == "new\n")
    }

    @Test func definitionsOfBasesGoIntoTheHistory() throws {
        try root.write("/.singularity.d/Singularity", Array("first\n".utf8), mode: 0o644)
        try write(described { _ in })
        try write(ImageDescription(definition: Array("third\n".utf8)))
        #expect(text("bootstrap_history/Apptainer0") == "first\n" && text("bootstrap_history/Apptainer1") == "new\n")
        #expect(text("Singularity") == "third\n")
    }

    @Test(arguments: [false, true]) func helpOfTheBaseStaysUnlessForced(isForced: Bool) throws {
        try root.write("/.singularity.d/runscript.help", Array("old\n".utf8), mode: 0o644)
        try write(described { $0.help = ImageScript(body: Array("new\n".utf8)) }, replaces: isForced)
        #expect(text("runscript.help") == (isForced ? "new\n\n" : "old\n"))
    }

    @Test func environmentFollowsWhatIsThere() throws {
        try root.write("/.singularity.d/env/90-environment.sh", Array("#!/bin/sh\nA=1\n".utf8), mode: 0o755)
        try write(described { $0.environment = ImageScript(body: Array("B=2\n".utf8)) })
        #expect(text("env/90-environment.sh") == "#!/bin/sh\nA=1\n\nB=2\n\n")
    }

    @Test func labelsOfAllOriginsAreJoined() throws {
        try root.write("/.singularity.d/labels.json", Array(#"{"base":"1","both":"base"}"#.utf8), mode: 0o644)
        try root.write("/.build.labels", Array("post yes\n".utf8), mode: 0o644)
        var base = BaseContent()
        base.labels = [.init(key: "agent", value: "2")]
        try write(
            described {
                $0.header = [.init(key: "from", value: "x")]
                $0.labels = [.init(key: "both", value: "definition"), .init(key: "mine", value: "3")]
            }, base: base)
        let labels = try Labels(json: root.read("/.singularity.d/labels.json"), replaces: false).values
        let wanted = ["base": "1", "both": "base", "post": "yes", "agent": "2", "mine": "3"]
        for (key, value) in wanted { #expect(labels[key] == value, "\(key)") }
        #expect(labels["org.label-schema.usage.singularity.deffile.from"] == "x")
        #expect(!root.exists("/.build.labels"))
    }
}
