import Base
import CLinux
import Core
import Digest
import Grammar
import Linux

/// `skiff sif <verb>`, Apptainer's siftool.
///
/// - Parameter output: the descriptor for listings and dumped bytes, lent.
/// - Throws: with siftool's text and the code `.usage`, with which the usage of the command is printed.
func runSIFCommand(_ invocation: Invocation, output: CInt = 1) throws(SkiffError) {
    do throws(SkiffError) {
        try SIFCommand(invocation, output).run()
    } catch {
        throw SkiffError(error.message, errno: error.errno, hint: error.hint, code: .usage)
    }
}

private struct SIFCommand {
    let verb: Substring
    let arguments: [String]
    let flags: FlagValues
    let output: CInt

    init(_ invocation: Invocation, _ output: CInt) {
        verb = invocation.command.drop { $0 != " " }.dropFirst()
        arguments = invocation.positionals
        flags = invocation.flags
        self.output = output
    }

    func run() throws(SkiffError) {
        // The grammar has counted the arguments.
        guard let first = arguments.first, let last = arguments.last else { throw SkiffError("missing argument") }
        switch verb {
        case "list": try answer(listText(try image(last)))
        case "header": try answer(headerText(try image(last).header))
        case "info":
            let found = try object(first, of: try image(last))
            try answer(infoText(found))
            if case .partition(let facts) = found.extra, facts.filesystem.isEncrypted {
                Log.info("Its cipher and its keys are shown by: skiff sif keys \(last)")
            }
        case "dump": try dump(first, last)
        case "new": try make(last)
        case "add": try add(first, last)
        case "del":
            let id = try objectID(first)
            try edit(last) { editor throws(SkiffError) in try editor.delete(id: id) }
        case "setprim":
            let id = try objectID(first)
            try edit(last) { editor throws(SkiffError) in try editor.setPrimary(id: id) }
        default: throw SkiffError("unknown command \"\(verb)\"")
        }
    }

    private func answer(_ text: String) throws(SkiffError) {
        try during("cannot write the answer") { () throws(Errno) in try writeFully(output, text) }
    }

    private func open(_ path: String, _ flags: CInt = O_RDONLY) throws(SkiffError) -> OwnedFD {
        try during("open \(path)") { () throws(Errno) in try Linux.open(path, flags, mode: 0o755) }
    }

    /// Opens an image. A directory can be opened but not read, and the error says so, as siftool's does.
    private func openImage(_ path: String, _ flags: CInt = O_RDONLY) throws(SkiffError) -> OwnedFD {
        let file = try open(path, flags)
        if (try? status(of: file.raw))?.isDirectory == true {
            throw SkiffError("reading global header: read \(path)", errno: .isDirectory)
        }
        return file
    }

    private func image(_ path: String) throws(SkiffError) -> SIFImage {
        let file = try openImage(path)
        return try SIFImage(reading: file.raw)
    }

    private func object(_ id: String, of image: SIFImage) throws(SkiffError) -> SIFDescriptor {
        try image.object(id: try objectID(id))
    }

    private func dump(_ id: String, _ path: String) throws(SkiffError) {
        let file = try openImage(path)
        let object = try object(id, of: try SIFImage(reading: file.raw))
        var offset = object.offset
        while offset < object.end {
            let chunk = try during("cannot read object \(object.id)") { () throws(Errno) in
                try readBytes(file.raw, at: offset, count: Int(min(1 << 18, object.end - offset)))
            }
            if chunk.isEmpty { throw SkiffError("EOF") }
            try during("cannot write the answer") { () throws(Errno) in try writeFully(output, chunk) }
            offset += Int64(chunk.count)
        }
    }

    /// Makes an image without objects and without a launch line, since it cannot be run. It replaces a file of the same
    /// name atomically.
    private func make(_ path: String) throws(SkiffError) {
        if path.utf8.last == 0x2F { throw SkiffError("open \(path)", errno: .isDirectory) }
        // The target of a symlink is replaced, not the symlink.
        let target = (try? realPath(path)) ?? path
        if (try? status(target))?.isDirectory == true { throw SkiffError("open \(path)", errno: .isDirectory) }
        let file = try during("open \(path)") { () throws(Errno) in try AtomicFile(target, mode: 0o755) }
        var creation = SIFCreation()
        creation.launchScript = ""
        var editor = try SIFEditor(creating: creation, on: file.raw)
        try editor.commit()
        try during("cannot make \(path)") { () throws(Errno) in try file.publish(durable: true) }
    }

    private func edit(
        _ path: String, _ change: (inout SIFEditor) throws(SkiffError) -> Void
    ) throws(SkiffError) {
        let file = try openImage(path, O_RDWR)
        var editor = try SIFEditor(opening: file.raw)
        try change(&editor)
        try editor.commit()
    }

    private func add(_ path: String, _ source: String) throws(SkiffError) {
        let object = try AddedObject(flags).described()
        let content = try open(source)
        let file = try openImage(path, O_RDWR)
        try guardingEdit(of: file.raw) { () throws(SkiffError) in
            var editor = try SIFEditor(opening: file.raw)
            try append(object, content.raw, to: file.raw, &editor)
            try editor.commit()
        }
    }

    private func append(
        _ object: SIFNewObject, _ content: CInt, to file: CInt, _ editor: inout SIFEditor
    ) throws(SkiffError) {
        let offset = try editor.beginObject(object)
        let isHashed = object.type == .ociRootIndex || object.type == .ociBlob
        let copied: (size: Int64, digest: String)
        do throws(SkiffError) {
            copied = try copy(content, to: file, at: offset, hashing: isHashed)
        } catch {
            editor.abandonObject()
            throw error
        }
        let added = try editor.finishObject(size: copied.size)
        if isHashed { try editor.setDigest(copied.digest, id: added.id) }
    }

    /// Copies to the end of a file or pipe.
    private func copy(
        _ source: CInt, to file: CInt, at offset: Int64, hashing: Bool
    ) throws(SkiffError) -> (size: Int64, digest: String) {
        var digest = try SHA256()
        var size: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = try during("cannot read the object") { () throws(Errno) in try read(source, into: buffer) }
            if count == 0 { break }
            let chunk = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if hashing { try digest.update(chunk) }
            try during("cannot write the SIF file") { () throws(Errno) in
                try writeFully(file, chunk, at: offset + size)
            }
            size += Int64(count)
        }
        return (size, try digest.text())
    }
}
