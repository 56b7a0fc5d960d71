import CLinux
import Core
import Linux
import SquashfsWriter

/// One build from the first file to the last rename, in the order of deffile.md §3.
struct BuildJob {
    let definition: Definition
    let target: BuildTarget
    let temporary: String
    /// Sections that were asked for; nil for all.
    let sections: Set<String>?
    let options: SquashfsOptions
    let runsTest: Bool
    let installation: Installation

    private func wants(_ section: SectionName) -> Bool { sections?.contains(section.rawValue) ?? true }

    func run() throws(SkiffError) {
        // Decided before the namespace makes everybody root.
        let ownsAllIDs = effectiveUID() == 0 && inInitialUserNamespace()
        let directory = try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() }
        let mask = setUmask(0o002)
        try RootNamespace.enter()
        Log.info("Starting build...")
        let path = try makeRoot()
        let isImage = try Bootstrap(definition: definition, root: path, ownsAllIDs: ownsAllIDs).run()
        let root = try RootTree(path)
        try BaseFiles(root: root, keepsExisting: isImage).write()
        let architecture = try fill(root, directory)
        try finish(root, architecture, umask: mask, hasRecords: !ownsAllIDs)
        Log.info("Build complete: \(target.typed)")
    }

    /// A sandbox grows beside its target, so that one rename is enough; anything else below the temporary directory.
    private func makeRoot() throws(SkiffError) -> String {
        let path = target.isSandbox ? target.part : temporary + "/rootfs"
        try during("cannot make \(path)") { () throws(Errno) in try makeDirectory(path, mode: 0o755) }
        return path
    }

    private func fill(_ root: RootTree, _ directory: String) throws(SkiffError) -> SIFArchitecture {
        let runner = ScriptRunner(root: root, installation: installation, temporary: temporary)
        if wants(.setup), let script = definition.scripts[.setup] { try runner.setup(script) }
        if wants(.files) { try HostFiles(root: root, directory: directory).copy(definition.files) }
        if let script = definition.scripts[.post] { try runner.post(script) }
        let architecture = ArchitectureProbe(root: root).find()
        let time = BuildTime(seconds: options.latestTime.map(Int64.init) ?? currentTime())
        let metadata = Metadata(
            root: root, definition: definition, time: time, replaces: target.force, sections: sections)
        try metadata.write(architecture: architecture.name)
        if runsTest, definition.scripts[.test] != nil { try runner.test() }
        return architecture
    }

    private func finish(_ root: RootTree, _ architecture: SIFArchitecture, umask: mode_t, hasRecords: Bool)
        throws(SkiffError)
    {
        if target.isSandbox {
            Log.info("Creating sandbox directory...")
        } else {
            Log.info("Creating SIF file...")
            _ = setUmask(umask)
            let assembly = SIFAssembly(
                root: root, definition: definition, options: options, isDeterministic: options.latestTime != nil,
                hasRecords: hasRecords)
            try assembly.write(target.part, architecture: architecture)
        }
        try target.publish()
    }
}
