package import Base
package import Core
package import SquashfsWriter

/// How an image is packed, and what was asked for (Docs/spec/cli.md §4).
package struct PackingOptions: Sendable {
    package var squashfs = SquashfsOptions()
    /// `--arch`, in the Go toolchain's names.
    package var architecture = SIFArchitecture.host.name
    /// `--arch-variant`; empty for none.
    package var architectureVariant = ""
    /// `--reproducible`: without SOURCE_DATE_EPOCH, uses the time of what the image was made from.
    package var isReproducible = false
    /// `--encrypt`; nil for an image that everybody can read.
    package var encryption: (any RootEncryption)?
    /// `--force`: labels and help of the base may be replaced.
    package var replaces = false

    package init() {}
}

extension SquashfsOptions {
    /// Takes over `mksquashfs procs` and `mksquashfs mem`; `--mksquashfs-args` comes after them.
    package mutating func apply(_ settings: Settings) throws(SkiffError) {
        if settings.mksquashfsProcs > 0 { workers = min(settings.mksquashfsProcs, 64) }
        if settings.mksquashfsMemory.isEmpty { return }
        guard let bytes = Self.memorySize(settings.mksquashfsMemory) else {
            throw SkiffError(
                "cannot use mksquashfs mem = \(settings.mksquashfsMemory) of the configuration",
                hint: "It is a size such as 512M or 1G")
        }
        memory = bytes
    }
}
