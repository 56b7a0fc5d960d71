import Base
import CLinux
import Linux

/// The two ends of a gate at which a child waits for its parent; none where nothing is waited for.
struct GateSockets {
    /// Plain numbers: a child never comes back to the frame that would close them.
    private let pair: DescriptorPair?

    init(isNeeded: Bool) throws(SkiffError) {
        pair = isNeeded ? try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() } : nil
    }

    var areNeeded: Bool { pair != nil }

    /// Called in the child: returns its end.
    func childEnd() -> CInt? {
        guard let pair else { return nil }
        _ = CLinux.close(pair.first)
        return pair.second
    }

    /// Called in the parent: returns its end.
    func parentEnd() -> OwnedFD? {
        guard let pair else { return nil }
        _ = CLinux.close(pair.second)
        return OwnedFD(adopting: pair.first)
    }

    /// Called where no child was made.
    func close() {
        guard let pair else { return }
        _ = CLinux.close(pair.first)
        _ = CLinux.close(pair.second)
    }
}
