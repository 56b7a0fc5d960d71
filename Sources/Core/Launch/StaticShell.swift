import Base
import CLinux
import Linux

/// The static shell of libexec, opened before the root changes: for images that have no shell of their own
/// (Docs/decisions/002).
final class StaticShell {
    /// Nil when the installation has none.
    let descriptor: CInt?

    init(_ installation: Installation) {
        descriptor = (try? open(installation.staticShell, O_RDONLY))?.release()
    }

    deinit { if let descriptor { _ = CLinux.close(descriptor) } }
}
