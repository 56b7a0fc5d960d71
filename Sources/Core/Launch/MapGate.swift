import CLinux
import Linux

/// Holds a child back until its id maps are written from outside, which only newuidmap(1) may do for ranges.
struct MapGate: ~Copyable {
    private let user: UserNamespace
    private let ends: Ends?

    private struct Ends: ~Copyable {
        let reading: OwnedFD
        let writing: OwnedFD
    }

    /// Nothing to hold for maps that the child writes itself.
    init(_ user: UserNamespace) throws(SkiffError) {
        self.user = user
        guard case .ranges = user else {
            ends = nil
            return
        }
        let pipe = try during("cannot make a pipe") { () throws(Errno) in try makePipe() }
        ends = Ends(reading: OwnedFD(adopting: pipe.first), writing: OwnedFD(adopting: pipe.second))
    }

    /// What the child reads one byte from. The other end is its own as well: it must not wait for its own close.
    var waiting: CInt? {
        switch ends {
        case .some(let ends): ends.reading.raw
        case nil: nil
        }
    }

    /// In the parent. When the maps cannot be written the child is ended.
    borrowing func open(for child: pid_t) throws(SkiffError) {
        guard case .ranges(let ids, let uid, let gid) = user else { return }
        do throws(SkiffError) {
            try ids.map(child, uid: uid, gid: gid)
            try during("cannot start the container") { () throws(Errno) in
                switch ends {
                case .some(let ends): try writeFully(ends.writing.raw, [1])
                case nil: break
                }
            }
        } catch {
            try? sendSignal(SIGKILL, to: child)
            _ = try? waitFor(child)
            throw error
        }
    }
}
