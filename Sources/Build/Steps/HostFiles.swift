import CLinux
import Core
import Linux

/// `%files`: copies from the host as `cp -fLr` does, with every destination inside the image (deffile.md §4).
struct HostFiles {
    let root: RootTree
    /// Relative sources start here.
    let directory: String

    func copy(_ files: [Definition.File]) throws(SkiffError) {
        for file in files { try copy(file) }
    }

    private func copy(_ file: Definition.File) throws(SkiffError) {
        let pattern = absolutePath(file.source, in: directory)
        let sources = globPaths(pattern)
        let wanted = file.destination.isEmpty ? pattern : file.destination
        Log.info("Copying \(file.source) to \(wanted)")
        let destination = normalized(wanted)
        if wanted.hasSuffix("/") { try root.makeDirectory(destination) }
        for source in sources {
            do throws(Errno) {
                try copy(source, to: destination)
            } catch {
                throw SkiffError(
                    "While performing build: unable to copy files from host to container fs: while copying "
                        + "[\(source)] to \(destination) (line \(file.line) of the definition)", errno: error)
            }
        }
    }

    private func copy(_ source: String, to destination: String) throws(Errno) {
        var target = destination
        let kind = try status(source)
        // Onto a directory that exists, the source goes under its own name.
        if root.status(destination)?.isDirectory == true {
            target = (destination == "/" ? "" : destination) + "/" + lastComponent(source)
        }
        do throws(SkiffError) {
            try root.makeDirectory(parentPath(target) ?? "/")
        } catch {
            throw error.errno ?? .ioError
        }
        try copy(source, kind, to: target)
    }

    private func copy(_ source: String, _ kind: FileStatus, to target: String) throws(Errno) {
        if kind.isDirectory {
            try makeDirectory(target, kind)
            let opened = try open(source, O_RDONLY | O_DIRECTORY)
            for entry in try entries(of: opened.raw) {
                let child = source + "/" + entry.text
                try copy(child, try status(child), to: target + "/" + entry.text)
            }
        } else if kind.isRegular {
            try copyBytes(source, kind, to: target)
        } else {
            let parent = try inside(parentPath(target) ?? "/", SKL_O_PATH | O_DIRECTORY)
            try? removeTree(lastComponent(target), at: parent.raw)
            try makeNode(lastComponent(target), mode: kind.mode, device: dev_t(kind.rawDevice), at: parent.raw)
        }
    }

    private func makeDirectory(_ target: String, _ kind: FileStatus) throws(Errno) {
        if root.status(target)?.isDirectory == true { return }
        let parent = try inside(parentPath(target) ?? "/", SKL_O_PATH | O_DIRECTORY)
        try Linux.makeDirectory(lastComponent(target), mode: kind.permissions | 0o700, at: parent.raw)
    }

    private func copyBytes(_ source: String, _ kind: FileStatus, to target: String) throws(Errno) {
        let input = try open(source, O_RDONLY)
        let output = try outputFile(target, mode: kind.permissions)
        var offset: Int64 = 0
        while true {
            let chunk = try readBytes(input.raw, at: offset, count: 1 << 20)
            if chunk.isEmpty { break }
            try writeFully(output.raw, chunk)
            offset += Int64(chunk.count)
        }
        try output.close()
    }

    /// An existing file that cannot be written is replaced, as by `cp -f`.
    private func outputFile(_ target: String, mode: mode_t) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try inside(target, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        } catch {
            guard error == .accessDenied || error == Errno(ETXTBSY) else { throw error }
            let parent = try inside(parentPath(target) ?? "/", SKL_O_PATH | O_DIRECTORY)
            try unlink(lastComponent(target), at: parent.raw)
            return try inside(target, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        }
    }

    private func inside(_ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno) -> OwnedFD {
        try open(path, flags, mode: mode, in: root.descriptor, resolve: [.inRoot, .noMagicLinks])
    }
}
