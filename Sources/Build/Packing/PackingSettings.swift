package import Base
package import Core
package import SquashfsWriter

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
