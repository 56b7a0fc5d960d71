import Base
import Linux

/// An encrypted image as a block device that the kernel decrypts.
enum EncryptedDevice {
    /// - Returns: nil when the kernel cannot, with a word about it for those who want to know: the image server can.
    static func make(
        of file: CInt, _ volume: EncryptedVolume, _ unlocked: UnlockedVolume, _ launcher: Launcher
    ) throws(SkiffError) -> MappedDevice? {
        var made: MappedDevice?
        let image = launcher.plan.image
        do throws(SkiffError) {
            let limit = image.loopLimit
            let isDescribed = try launcher.plugins.describe(volume, unlocked, of: image.path, file: file) {
                (table) throws(SkiffError) in
                made = try during("cannot have the kernel decrypt \(image.path)") { () throws(Errno) in
                    try DeviceMapper().decrypted(table, of: file, below: limit)
                }
            }
            if !isDescribed { Log.verbose("the image server decrypts: the plugin does not describe the volume") }
        } catch {
            Log.verbose("the image server decrypts: \(error.message)")
        }
        return made
    }
}
