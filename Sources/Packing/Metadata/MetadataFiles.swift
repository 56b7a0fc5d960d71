package import Base
import Core
import Linux

/// Writes what an image says about itself into `/.singularity.d` (Docs/spec/deffile.md §4, §8).
package struct MetadataFiles {
    private let root: any ImageRoot
    private let description: ImageDescription
    private let base: BaseContent
    private let options: PackingOptions
    private let time: BuildTime

    /// - Parameter time: the moment that the labels name.
    package init(
        _ root: any ImageRoot, _ description: ImageDescription, _ base: BaseContent, _ options: PackingOptions,
        _ time: BuildTime
    ) {
        (self.root, self.description, self.base) = (root, description, base)
        (self.options, self.time) = (options, time)
    }

    private static let directory = "/.singularity.d/"

    package func write() throws(SkiffError) {
        try help()
        try labels()
        try recipe()
        if let environment = description.environment {
            Log.info("Adding environment to container")
            let path = Self.directory + "env/90-environment.sh"
            let old = root.read(path) ?? Array(ImageScripts.environmentHead.utf8)
            try root.write(path, old + [0x0A] + environment.body + [0x0A], mode: 0o755)
        }
        try program(description.startscript, "startscript", "startscript")
        try program(description.runscript, "runscript", "runscript")
        try program(description.test, "testscript", "test")
    }

    private func help() throws(SkiffError) {
        guard let help = description.help else { return }
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
            description.header, time, architecture: options.architecture,
            hasHelp: root.exists(Self.directory + "runscript.help"))
        if !options.architectureVariant.isEmpty {
            labels.set("org.opencontainers.image.architecture.variant", options.architectureVariant)
        }
        for label in base.labels { labels.set(label.key, label.value) }
        if !description.labels.isEmpty {
            Log.info("Adding labels")
            for label in description.labels { labels.add(label.key, label.value) }
        }
        try root.write(path, labels.json, mode: 0o644)
    }

    /// Writes the definition itself; that of the base goes into the history.
    private func recipe() throws(SkiffError) {
        let path = Self.directory + "Singularity"
        if let old = root.read(path) {
            let history = Self.directory + "bootstrap_history"
            let count = try root.names(in: history).count
            try root.write(history + "/Apptainer\(count)", old, mode: 0o644)
        }
        try root.write(path, description.definition, mode: 0o644)
    }

    private func program(_ script: ImageScript?, _ shown: String, _ name: String) throws(SkiffError) {
        guard let script else { return }
        Log.info("Adding \(shown)")
        try root.write(Self.directory + name, script.program, mode: 0o755)
    }
}
