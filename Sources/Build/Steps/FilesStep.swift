import Base
import CLinux
import Core
import Linux
import Packing

/// `%files`, from the host or from another stage: sources with patterns, destinations inside the image
/// (Docs/spec/deffile.md §4).
struct FilesStep {
    enum Origin {
        /// Relative sources start in this directory.
        case host(directory: String)
        case stage(RootTree)
    }

    let origin: Origin
    let root: RootTree
    let definition: Definition
    /// The directory of the image below which destinations lie; empty for its root.
    var folder = ""

    private var source: SourceTree {
        switch origin {
        case .host(let directory): SourceTree(root: nil, directory: directory.bytes)
        case .stage(let root): SourceTree(root: root.top, directory: [])
        }
    }

    private var copier: TreeCopy {
        let manner: TreeCopy.Manner = if case .host = origin { .contents } else { .everything }
        return TreeCopy(source: source, root: root, manner: manner)
    }

    func copy(_ files: [Stage.File]) throws(SkiffError) {
        var copier = copier
        for file in files {
            let wanted = file.destination.isEmpty ? file.source : file.destination
            let below = folder.isEmpty ? wanted : folder + "/" + wanted
            Log.info("Copying \(file.source) to \(below)")
            try copy(file, below, &copier)
        }
    }

    private func copy(_ file: Stage.File, _ wanted: String, _ copier: inout TreeCopy) throws(SkiffError) {
        let sources = try expand(file)
        // Without a destination every source keeps its own path, also the ones that a pattern found.
        if file.destination.isEmpty {
            for path in sources {
                try copy(source.absolute(path), to: absolutePath(folder + "/" + path.text, in: "/"), file, &copier)
            }
            return
        }
        let destination = absolutePath("/" + wanted, in: "/")
        if wanted.hasSuffix("/") { try root.makeDirectory(destination) }
        if sources.count > 1, root.status(destination)?.isDirectory != true {
            Log.warning(
                "\(definition.place(file.line)): \(sources.count) files match \(file.source), and \(destination) is no "
                    + "directory: the last one stays. End it with / to copy all of them into a directory")
        }
        for path in sources { try copy(source.absolute(path), to: destination, file, &copier) }
    }

    private func copy(
        _ source: [UInt8], to destination: String, _ file: Stage.File, _ copier: inout TreeCopy
    ) throws(SkiffError) {
        var target = destination.bytes
        if root.status(destination)?.isDirectory == true {
            // Onto a directory that exists, the source goes under its own name; `dir/.` means its content.
            let name = source.split(separator: 0x2F).last.map { Array($0) } ?? [0x2E]
            target = (destination == "/" ? [] : target) + (name == [0x2E] ? [] : [0x2F] + name)
            if target.isEmpty { target = [0x2F] }
        } else {
            try root.makeDirectory(parentPath(destination) ?? "/")
        }
        do throws(TreeCopy.Failure) {
            try copier.copy(source, to: target)
        } catch {
            throw problem(file, error.path.text, errno: error.reason)
        }
    }

    private func expand(_ file: Stage.File) throws(SkiffError) -> [[UInt8]] {
        do throws(PathPattern.Malformed) {
            return try source.expand(file.source)
        } catch {
            throw problem(file, "cannot read the pattern: \(error.reason)")
        }
    }

    private func problem(_ file: Stage.File, _ reason: String, errno: Errno? = nil) -> SkiffError {
        let from = if case .host = origin { "host" } else { "stage" }
        let wanted = file.destination.isEmpty ? file.source : file.destination
        return SkiffError(
            "While performing build: unable to copy files from \(from) to container fs: while copying "
                + "[\(file.source)] to \(wanted): \(definition.place(file.line)): \(reason)",
            errno: errno)
    }
}

extension [UInt8] {
    var text: String { String(bytes: self) }
}
