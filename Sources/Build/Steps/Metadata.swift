import Base
import Core
import Linux

/// Writes what the definition says about the image into `/.singularity.d` (Docs/spec/deffile.md §4, §8).
struct Metadata {
    let root: any ImageRoot
    let definition: Definition
    let stage: Stage
    let base: BaseContent
    let options: BuildOptions
    let time: BuildTime
    /// The image was there before, and this definition did not make it.
    let isUpdate: Bool

    private static let directory = "/.singularity.d/"

    private func script(_ section: SectionName) -> Stage.Script? {
        options.wants(section) ? stage.script(section) : nil
    }

    func write() throws(SkiffError) {
        try help()
        try labels()
        try recipe()
        if let environment = script(.environment) {
            Log.info("Adding environment to container")
            let path = Self.directory + "env/90-environment.sh"
            let old = root.read(path) ?? Array(ImageScripts.environmentHead.utf8)
            try root.write(path, old + [0x0A] + environment.body + [0x0A], mode: 0o755)
        }
        try program(.startscript, "startscript")
        try program(.runscript, "runscript")
        try program(.test, "testscript")
    }

    private func help() throws(SkiffError) {
        guard let help = script(.help) else { return }
        Log.info("Adding help info")
        let path = Self.directory + "runscript.help"
        if root.exists(path) && !options.replaces {
            Log.warning("Help message already exists and force option is false, not overwriting")
            return
        }
        try root.write(path, help.body + [0x0A], mode: 0o644)
    }

    private func labels() throws(SkiffError) {
        let path = Self.directory + "labels.json"
        var labels = try Labels(json: root.read(path), replaces: options.replaces)
        if let lines = root.read("/.build.labels") {
            labels.take(lines: lines)
            try root.remove("/.build.labels")
        }
        labels.generate(
            isUpdate ? [] : stage.header, time, architecture: options.architecture,
            hasHelp: root.exists(Self.directory + "runscript.help"))
        if !options.architectureVariant.isEmpty {
            labels.set("org.opencontainers.image.architecture.variant", options.architectureVariant)
        }
        for label in base.labels { labels.set(label.key, label.value) }
        if options.wants(.labels), !stage.labels.isEmpty {
            Log.info("Adding labels")
            for label in stage.labels { labels.add(label.key, label.value) }
        }
        try root.write(path, labels.json, mode: 0o644)
    }

    /// The definition itself; the one of the base goes into the history.
    private func recipe() throws(SkiffError) {
        let path = Self.directory + "Singularity"
        if let old = root.read(path) {
            let history = Self.directory + "bootstrap_history"
            let count = try root.names(in: history).count
            try root.write(history + "/Apptainer\(count)", old, mode: 0o644)
        }
        try root.write(path, definition.text, mode: 0o644)
    }

    private func program(_ section: SectionName, _ name: String) throws(SkiffError) {
        guard let script = script(section) else { return }
        Log.info("Adding \(name)")
        try root.write(Self.directory + section.rawValue, Self.executable(script), mode: 0o755)
    }

    /// Interpreter line, blank line, body. The body's own `#!` line counts if nothing but blanks stands before it.
    static func executable(_ script: Stage.Script) -> [UInt8] {
        let arguments = script.arguments.isEmpty ? "" : " " + script.arguments
        var body = script.body[...]
        let start = body.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var interpreter = Array("#!/bin/sh".utf8)
        if start.starts(with: Array("#!".utf8)) {
            interpreter = Array(start.prefix { $0 != 0x0A })
            body = start.drop { $0 != 0x0A }.dropFirst()
        }
        return interpreter + arguments.bytes + [0x0A, 0x0A] + body + [0x0A]
    }
}
