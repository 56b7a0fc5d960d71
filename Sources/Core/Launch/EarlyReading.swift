import Linux

/// Reads the program that will probably start into the page cache while the rest of the container is put together. The
/// kernel's squashfs decompresses in the thread that asks, one block at a time, and that takes longer than everything else
/// that a start does. So the asking is done by a thread of its own, which ends with execve(2) if not before.
///
/// A guess: the environment scripts, which can change PATH, have not run, and a bind may yet cover the program. A wrong one
/// costs some reading and nothing else.
struct EarlyReading {
    let action: Request.Action
    let arguments: [[UInt8]]
    /// What a program has beyond this is left to its page faults.
    private static let limit: Int64 = 4 << 20

    /// No clone(2) may follow, nor anything else that needs a process with one thread.
    /// - Parameter image: the image's root directory.
    func start(in image: consuming OwnedFD) {
        let directory = image.release()
        do throws(Errno) {
            try startThread {
                // A descriptor table of its own: the process closes what is not the program's, while this thread may
                // still read.
                guard (try? separateDescriptors()) != nil else { return }
                closeDescriptors(except: [directory])
                read(in: TreeRoot(adopting: OwnedFD(adopting: directory)))
            }
        } catch {
            _ = OwnedFD(adopting: directory)
        }
    }

    private func read(in image: TreeRoot) {
        for path in candidates {
            guard let file = try? image.open(path, [.read, .nonBlocking]),
                let found = try? status(of: file.raw)
            else { continue }
            if found.isRegular { readAhead(file.raw, count: Int(min(found.size, Self.limit))) }
            return
        }
    }

    /// The paths where the program may be; the first that exists is read.
    var candidates: [TreePath] {
        guard action == .exec else { return ["/bin/bash", "/bin/sh"] }
        guard let word = arguments.first, !word.isEmpty else { return [] }
        let program = TreePath(word)
        if word.contains(ASCII.slash) { return program.isAbsolute ? [program] : [] }
        return EnvironmentPlan.defaultPath.split(separator: ":").map { TreePath(Array($0.utf8)).appending(word) }
    }
}
