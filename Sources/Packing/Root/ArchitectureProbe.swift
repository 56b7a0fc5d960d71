import Core
import Linux

/// Finds the processor that a root file system is for, from /bin/sh or else the first program that is found
/// (Docs/spec/sif.md §3).
struct ArchitectureProbe {
    let root: RootTree

    /// Returns the processor, or nil when no program was found.
    func find() -> SIFArchitecture? {
        if let found = architecture(of: "/bin/sh") { return found }
        var left = 10_000
        for directory: TreePath in ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/"] {
            if let found = search(directory, depth: directory == "/" ? 6 : 0, &left) { return found }
        }
        return nil
    }

    private func search(_ directory: TreePath, depth: Int, _ left: inout Int) -> SIFArchitecture? {
        guard
            let opened = try? root.open(directory, [.read, .directory]), let names = try? entries(of: opened.raw)
        else { return nil }
        for entry in names where left > 0 {
            left -= 1
            let path = directory.appending(entry.name)
            guard let name = try? EntryName(entry.name), let status = try? status(name, at: opened.raw) else {
                continue
            }
            if status.isRegular, status.permissions & 0o111 != 0, let found = architecture(of: path) { return found }
            if status.isDirectory, depth > 0, let found = search(path, depth: depth - 1, &left) { return found }
        }
        return nil
    }

    private func architecture(of path: TreePath) -> SIFArchitecture? {
        guard
            let file = try? root.top.openRegular(path), let head = try? readBytes(file.raw, at: 0, count: 20),
            let name = ELFMachine.name(head)
        else { return nil }
        return SIFArchitecture(name: name)
    }
}
