import CLinux
import Dockerfile
import Linux

/// COPY and ADD: finds the sources, says where each goes, and copies, or unpacks an archive.
struct DockerfileCopy {
    let step: CopyStep
    let source: CopyTree
    /// Of a stage or image, rather than the build context.
    let keepsOwners: Bool
    /// Of `--chown`.
    let owner: (uid: UInt32, gid: UInt32)?
    let target: RootTree
    let owners: OwnerWriter

    /// - Returns: what is odd, for the user.
    func run() throws(DockerfileProblem) -> [String] {
        var warnings: [String] = []
        for source in step.sources {
            if CopyStep.isAddress(source) {
                throw DockerfileProblem("cannot add \(source): files of other hosts are not fetched; use RUN or a copy")
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
            try ImageDirectories(root: target, owners: owners).make(path, uid: uid, gid: gid)
        }
    }

    /// Without the slash at its end.
    private var destination: String {
        step.destination.count > 1 && step.destination.hasSuffix("/")
            ? String(step.destination.dropLast()) : step.destination
    }

    /// Where a file of that name goes: into the destination if that is a directory, else the destination is its name.
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
            try source.open(Array(match.location.utf8), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        }
        guard (try? status(of: file.raw).isRegular) == true else { return false }
        var archive = ArchiveUnpacking(target: target, owners: owners)
        archive.owner = owner
        archive.mode = step.mode
        return try archive.run(file.raw, name: match.path, into: destination) { () throws(DockerfileProblem) in
            try makeDirectories(destination)
        }
    }

    /// A heredoc.
    private func write(_ file: CopyStep.File) throws(DockerfileProblem) {
        let path = try place(of: file.name)
        let (uid, gid) = owner ?? (0, 0)
        try doing("write \(path) in the image") { () throws(Errno) in
            let folder = try target.open(Array((parentPath(path) ?? "/").utf8), SKL_O_PATH | O_DIRECTORY)
            let name = Array(lastComponent(path).utf8)
            let bytes = try PathBytes(name)
            if (try? status(bytes, at: folder.raw)) != nil { try unlink(bytes, at: folder.raw) }
            let output = try open(
                bytes, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, in: folder.raw, resolve: [.beneath, .noSymlinks])
            try writeFully(output.raw, file.content)
            try output.close()
            try owners.set(uid, gid, of: name, at: folder.raw)
            try chmod(bytes, step.mode?.applied(to: 0o644, isDirectory: false) ?? 0o644, at: folder.raw)
        }
    }
}
