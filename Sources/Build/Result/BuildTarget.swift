import CLinux
import Core
import Linux

/// Where the result goes, and whether it may (cli.md §4). What is there stays untouched until the new one is whole.
struct BuildTarget {
    let path: String
    /// As the user wrote it.
    let typed: String
    let isSandbox: Bool
    let force: Bool

    /// The unfinished result beside the target: one rename away.
    var part: String {
        (parentPath(path) ?? ".") + "/." + lastComponent(path) + ".skiff-\(identifier)"
    }
    private let identifier: Int32

    init(_ typed: String, isSandbox: Bool, force: Bool) throws(SkiffError) {
        path = try absolutePath(typed)
        self.typed = typed
        self.isSandbox = isSandbox
        self.force = force
        identifier = processID()
        if let existing = try? status(path, follow: false) { try check(existing, typed) }
        let parent = parentPath(path) ?? "/"
        guard (try? status(parent).isDirectory) == true else {
            throw SkiffError(
                "While performing build: while creating SIF: while creating container: open \(typed)",
                errno: .noSuchFile)
        }
        guard isAccessible(parent, W_OK | X_OK) else {
            throw SkiffError("cannot write \(typed): no permission to make files in \(parent)")
        }
    }

    private func check(_ existing: FileStatus, _ typed: String) throws(SkiffError) {
        if existing.isDirectory && !isImageDirectory && !force && !isEmptyDirectory {
            throw SkiffError(
                "While checking build target: build target '\(typed)' is a directory that is no image. "
                    + "Use --force if you want to overwrite it")
        }
        guard force else {
            throw SkiffError(
                "While checking build target: build target '\(typed)' already exists. "
                    + "Use --force if you want to overwrite it")
        }
    }

    private var isImageDirectory: Bool {
        [".singularity.d", "dev", "proc", "sys"].allSatisfy { (try? status(path + "/" + $0)) != nil }
    }

    private var isEmptyDirectory: Bool {
        guard let opened = try? open(path, O_RDONLY | O_DIRECTORY) else { return false }
        return (try? entries(of: opened.raw).isEmpty) == true
    }

    /// Puts the finished result in place of whatever is there.
    func publish() throws(SkiffError) {
        try during("cannot put the finished image at \(path)") { () throws(Errno) in
            do throws(Errno) {
                // rename(2) replaces a file at once, but no directory.
                try rename(part, to: path)
            } catch {
                guard error == .notEmpty || error == .exists || error == .isDirectory || error == .notDirectory else {
                    throw error
                }
                try exchange(part, path)
                try removeTree(part)
            }
        }
    }
}
