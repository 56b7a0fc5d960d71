import Base
import CLinux
import Core
import Linux
import Registry

/// Where the result of a build goes, and whether it may (Docs/spec/cli.md §4). What is there is not touched before the new
/// image is complete.
struct BuildTarget {
    let path: String
    /// As the user wrote it.
    let typed: String
    let isSandbox: Bool
    let force: Bool

    var parent: String { parentPath(path) ?? "/" }

    /// Where the unfinished result lies: next to the target, so that one rename is enough.
    var part: String {
        parent + "/." + lastComponent(path) + ".skiff-\(identifier)"
    }
    private let identifier: Int32
    /// What makes another kind of file of the image; nil for an image.
    private let maker: PluginTarget?

    /// - Parameters:
    ///   - isUpdate: whether the sandbox that is there is changed, rather than replaced.
    ///   - maker: plugins that write such targets.
    init(_ typed: String, isSandbox: Bool, force: Bool, isUpdate: Bool = false, maker: PluginTarget? = nil)
        throws(SkiffError)
    {
        self.maker = maker
        path = try absolutePath(typed)
        self.typed = typed
        self.isSandbox = isSandbox
        self.force = force
        identifier = processID()
        let existing = try? status(path, follow: false)
        if isUpdate {
            try checkUpdate(existing)
        } else if let existing {
            try check(existing)
        }
        guard (try? status(parent).isDirectory) == true else {
            throw SkiffError(
                "While performing build: while creating SIF: while creating container: open \(typed)",
                errno: .noSuchFile)
        }
        guard isAccessible(parent, W_OK | X_OK) else {
            throw SkiffError("cannot write \(typed): no permission to make files in \(parent)")
        }
    }

    private static let checking = "While checking build target: "

    private func checkUpdate(_ existing: FileStatus?) throws(SkiffError) {
        let problem = Self.checking + "only sandbox update is supported: "
        guard isSandbox else { throw SkiffError(problem + "--sandbox flag is missing") }
        guard let existing else { throw SkiffError(Self.checking + "could not update sandbox \(path): doesn't exist") }
        guard existing.isDirectory else { throw SkiffError(problem + "\(path) is not a directory") }
    }

    private func check(_ existing: FileStatus) throws(SkiffError) {
        if force { return }
        if existing.isDirectory && !isImageDirectory && !isEmptyDirectory {
            throw SkiffError(
                Self.checking + "\(path) is not empty and is not an Apptainer sandbox, check its content first and use "
                    + "--force if you want to overwrite it")
        }
        if terminalName(0) != nil, isConfirmed() { return }
        throw SkiffError(
            Self.checking + "build target '\(typed)' already exists. Use --force if you want to overwrite it")
    }

    /// Asks whether the target may be replaced, which only a user at a terminal can answer. Anything but yes means no.
    private func isConfirmed() -> Bool {
        let question =
            "Build target '\(typed)' already exists and will be deleted during the build process. "
            + "Do you want to continue? [N/y] "
        try? writeFully(2, question.printable)
        var answer = [UInt8](repeating: 0, count: 16)
        let count = answer.withUnsafeMutableBytes { buffer in (try? Linux.read(0, into: buffer)) ?? 0 }
        let word = answer.prefix(count).prefix { $0 != 0x0A }.map { $0 | 0x20 }
        return word.elementsEqual("y".utf8) || word.elementsEqual("yes".utf8)
    }

    private var isImageDirectory: Bool {
        [".singularity.d", "dev", "proc", "sys"].allSatisfy { (try? status(path + "/" + $0)) != nil }
    }

    private var isEmptyDirectory: Bool {
        guard let opened = try? open(path, O_RDONLY | O_DIRECTORY) else { return false }
        return (try? entries(of: opened.raw).isEmpty) == true
    }

    /// Puts the finished result in place of whatever is there.
    func publish(_ options: BuildOptions) throws(SkiffError) {
        if let maker { try make(maker, options) }
        if !isSandbox { try giveToCaller() }
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

    /// Has a plugin make its file of the image, which takes the image's place as the unfinished result.
    private func make(_ maker: PluginTarget, _ options: BuildOptions) throws(SkiffError) {
        guard let network = try options.network?.networkOptions() else {
            throw SkiffError("cannot write \(typed): this build starts no plugins")
        }
        Log.info("Creating \(typed) from the image...")
        let making = "cannot make a file for \(typed)"
        let image = try during(making) { () throws(Errno) in try open(part, O_RDONLY) }
        let target = try during(making) { () throws(Errno) in
            try unlink(part)
            return try open(part, O_RDWR | O_CREAT | O_EXCL, mode: 0o666)
        }
        try maker.write(image.raw, typed, to: target.raw, network)
        try during("cannot write \(typed)") { () throws(Errno) in try Linux.fsync(target.raw) }
    }

    /// Gives the image to the user who calls through sudo(8).
    private func giveToCaller() throws(SkiffError) {
        guard effectiveUID() == 0, inInitialUserNamespace(),
            let uid = environmentValue("SUDO_UID").flatMap({ uid_t($0) }),
            let gid = environmentValue("SUDO_GID").flatMap({ gid_t($0) })
        else { return }
        try during("cannot give \(part) to user \(uid)") { () throws(Errno) in try chown(part, uid, gid) }
    }
}
