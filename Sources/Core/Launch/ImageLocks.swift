import Base
import CLinux
import Linux

/// Locks of images that can be written: one writer or many readers, Apptainer among them, which locks the same bytes in the
/// same way. They last as long as anybody has the file open, a loop device and a server included.
extension Launcher {
    /// Locks the image, the layers and what binds come out of, and has plugins put right what the last user of one has left.
    /// - Parameter image: nil for a directory.
    func lockImages(_ image: CInt?) throws(SkiffError) {
        let root = plan.image
        if let image, root.filesystem == .ext3 {
            try lock(image, root.range, root.path, isWriter: root.writable)
        }
        for layer in plan.served.compactMap({ $0 }) where layer.isLocked {
            try lock(layer.file, layer.range, layer.path, isWriter: layer.isWritable)
            try plugins.recover(layer)
        }
    }

    private func lock(_ file: CInt, _ range: ByteRange, _ path: String, isWriter: Bool) throws(SkiffError) {
        let isFree: Bool
        do throws(Errno) {
            isFree = try tryLock(file, offset: range.offset, size: range.size, exclusive: isWriter)
        } catch {
            // Some network file systems know no locks. A reader can do without; a second writer would destroy the image.
            guard error == .noLocks, !isWriter else { throw SkiffError("cannot lock \(path)", errno: error) }
            Log.verbose("cannot lock \(path): \(error)")
            return
        }
        if isFree { return }
        let holders = users(of: file)
        throw SkiffError(
            "can't open \(path) for "
                + (isWriter
                    ? "writing, currently in use by another process"
                    : "reading, currently in use for writing by another process"),
            hint: holders.isEmpty
                ? "No process that you may see on \(hostname()) has it open: it is another user's, or on another host"
                : "It is in use by \(holders.joined(separator: ", ")) on \(hostname())")
    }

    /// Names the processes and loop devices that have a file open, as far as this user may see them.
    private func users(of file: CInt) -> [String] {
        guard let wanted = try? status(of: file) else { return [] }
        var found: [String] = []
        for pid in processes() where pid != processID() && found.count < 8 {
            guard let folder = try? open("/proc/\(pid)/fd", O_RDONLY | O_DIRECTORY),
                let numbers = try? entries(of: folder.raw),
                numbers.contains(where: { (try? status($0.text, at: folder.raw))?.isSameFile(as: wanted) == true })
            else { continue }
            found.append("process \(pid) (\(processName(of: pid)))")
        }
        return found + loopDevices(of: file)
    }

    /// The loop devices that show a file, by the path that it has now.
    private func loopDevices(of file: CInt) -> [String] {
        guard let path = try? readLink(ofProcess: file), let folder = try? open("/sys/block", O_RDONLY | O_DIRECTORY),
            let names = try? entries(of: folder.raw)
        else { return [] }
        return names.map(\.text).filter { name in
            name.hasPrefix("loop")
                && (try? readFile("/sys/block/\(name)/loop/backing_file", limit: 4096))?.dropLast().elementsEqual(path)
                    == true
        }.map { "loop device \($0)" }
    }

    private func processName(of pid: pid_t) -> String {
        let bytes = (try? readFile("/proc/\(pid)/comm", limit: 64)) ?? []
        return String(bytes: bytes.prefix { $0 != ASCII.newline })
    }
}
