import Dockerfile
import Linux
import Packing

/// COPY and ADD: finds the sources, says where each goes, and copies, or unpacks an archive.
struct DockerfileCopy {
    let step: CopyStep
    let source: CopyTree
    let fetched: FetchedFiles
    /// Whether owners are those of the source: a stage or image, rather than the build context.
    let keepsOwners: Bool
    /// The owner that `--chown` names.
    let owner: (uid: UInt32, gid: UInt32)?
    let target: RootTree
    let owners: OwnerWriter

    /// - Returns: warnings for the user.
    func run() throws(DockerfileProblem) -> [String] {
        var warnings: [String] = []
        for source in step.sources {
            if CopyStep.isAddress(source) {
                try add(source)
                continue
            }
            let matches = try SourceMatcher(self.source).matches(source)
            if matches.isEmpty { warnings.append("nothing matches \(source)") }
            for match in matches { try copy(match) }
        }
        for file in step.files { try write(file) }
        return warnings
    }

    private func doing<Value: ~Copyable>(_ what: String, _ body: () throws(Errno) -> Value) throws(DockerfileProblem)
        -> Value
    {
        do throws(Errno) {
            return try body()
        } catch {
            let reason = error.description
            throw DockerfileProblem("cannot \(what): " + reason.prefix(1).lowercased() + reason.dropFirst())
        }
    }

    private func makeDirectories(_ path: String) throws(DockerfileProblem) {
        let (uid, gid) = owner ?? (0, 0)
        try doing("make \(path) in the image") { () throws(Errno) in
            try ImageDirectories(root: target, owners: owners).make(TreePath(path), uid: uid, gid: gid)
        }
    }

    /// The destination without the slash at its end.
    private var destination: String {
        step.destination.count > 1 && step.destination.hasSuffix("/")
            ? String(step.destination.dropLast()) : step.destination
    }

    /// Returns where a file goes: into the destination if that is a directory; otherwise the destination is its name.
    private func place(of name: String) throws(DockerfileProblem) -> String {
        let destination = destination
        if step.destination.hasSuffix("/") {
            try makeDirectories(destination)
        } else if target.status(destination)?.isDirectory != true {
            try makeDirectories(parentPath(destination) ?? "/")
            return destination
        }
        return (destination == "/" ? "" : destination) + "/" + name
    }

    private func copy(_ match: SourceMatch) throws(DockerfileProblem) {
        if step.unpacks, !match.isDirectory, try unpack(match) { return }
        var copier = ImageCopy(source: source, target: target, owners: owners)
        copier.keepsOwners = keepsOwners
        copier.owner = owner
        copier.mode = step.mode
        copier.excluded = step.excluded
        let place: String
        if match.isDirectory {
            try makeDirectories(parentPath(destination) ?? "/")
            place = destination
        } else {
            place = try self.place(of: lastComponent(match.path))
        }
        do throws(ImageCopy.Failure) {
            try copier.copy(Array(match.location.utf8), to: place == "/" ? [] : Array(place.utf8))
        } catch {
            let reason = error.reason.description
            throw DockerfileProblem(
                "cannot copy \(error.path.text) to \(place): " + reason.prefix(1).lowercased() + reason.dropFirst())
        }
    }

    private func unpack(_ match: SourceMatch) throws(DockerfileProblem) -> Bool {
        let file = try doing("read \(match.path)") { () throws(Errno) in
            try source.open(Array(match.location.utf8), [.read, .nonBlocking])
        }
        guard (try? status(of: file.raw).isRegular) == true else { return false }
        return try unpack(file.raw, match.path)
    }

    private func unpack(_ file: CInt, _ name: String) throws(DockerfileProblem) -> Bool {
        var archive = ArchiveUnpacking(target: target, owners: owners)
        archive.owner = owner
        archive.mode = step.mode
        return try archive.run(file, name: name, into: destination) { () throws(DockerfileProblem) in
            try makeDirectories(destination)
        }
    }

    /// Copies a file of another host. It gets mode 0600, and the age that its server tells.
    private func add(_ address: String) throws(DockerfileProblem) {
        let file = try fetched.file(address, checksum: step.checksum)
        let content = try doing("read what was fetched") { () throws(Errno) in try open(file.path, .read) }
        if step.unpacksFetched, try unpack(content.raw, address) { return }
        let isNamed = !step.destination.hasSuffix("/") && target.status(destination)?.isDirectory != true
        guard isNamed || file.name != nil else {
            throw DockerfileProblem("cannot add \(address) to a directory: it names no file; write the file's path")
        }
        let seconds = file.modified ?? currentTime()
        try write(file.name ?? "", permissions: 0o600, modified: seconds) { (output) throws(Errno) in
            try copyContents(of: content.raw, to: output)
        }
    }

    /// Writes the text of a heredoc.
    private func write(_ file: CopyStep.File) throws(DockerfileProblem) {
        try write(file.name, permissions: 0o644, modified: nil) { (output) throws(Errno) in
            try writeFully(output, file.content)
        }
    }

    /// - Parameter fill: writes into the new file, which is open.
    private func write(
        _ name: String, permissions: UInt32, modified: Int64?, _ fill: (CInt) throws(Errno) -> Void
    ) throws(DockerfileProblem) {
        let path = try place(of: name)
        let (uid, gid) = owner ?? (0, 0)
        try doing("write \(path) in the image") { () throws(Errno) in
            let place = try target.top.place(TreePath(path))
            let (name, folder) = (place.name, place.directory.raw)
            if (try? status(name, at: folder)) != nil { try unlink(name, at: folder) }
            let output = try open(name, [.write, .create, .exclusive], mode: 0o600, at: folder)
            try fill(output.raw)
            try output.close()
            try owners.set(uid, gid, of: name, at: folder)
            let mode = step.mode?.applied(to: permissions, isDirectory: false) ?? permissions
            try chmod(name, mode, at: folder)
            if let modified { try setTimes(name, seconds: modified, at: folder) }
        }
    }
}
