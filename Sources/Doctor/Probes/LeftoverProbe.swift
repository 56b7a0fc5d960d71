import Base
import Build
import Core
import ImageCache
import Linux
import PluginHost

/// What killed processes have left: unpacked images, directories of builds, meeting places of containers, cgroups, decrypted
/// devices, records of what plugins have done, entries of the cache.
struct LeftoverProbe {
    let isRemoving: Bool

    func findings() -> [Finding] {
        let parent = settingVariable("TMPDIR") ?? TemporaryDirectory.standard()
        var found = CgroupRecord.sweep(removing: isRemoving)
        found += (try? DeviceMapper())?.sweep(removing: isRemoving) ?? []
        found += UndoJournal.sweep(UndoJournal.directory, removing: isRemoving)
        found += MeetingAddress.leftovers(removing: isRemoving)
        if (try? TemporaryDirectory.check(parent)) != nil {
            found += Extraction.leftovers(in: parent, removing: isRemoving)
            found += BuildTemporary.leftovers(in: parent, removing: isRemoving)
        }
        if CacheDirectory.exists, let cache = try? CacheDirectory.ofUser(disabled: false) {
            found += cache.leftovers(removing: isRemoving)
        }
        // It tells itself of instances that have ended, and forgets them.
        if isRemoving { _ = InstanceDirectory.ofCaller().running { _ in true } }
        return found.map { path in
            isRemoving
                ? Finding("leftovers", .fine, "removed \(path)")
                : Finding(
                    "leftovers", .note, "\(path) was left by a process that was killed", effect: "it takes room",
                    cure: "skiff doctor --clean")
        }
    }
}
