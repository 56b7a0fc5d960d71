import Base
import CLinux
import Core
import ImageCache
import Linux
import Ownership

/// The directories that skiff writes into: of the cache and for temporary files; and the home, which containers see.
struct PlaceProbe {
    let host: HostFacts

    /// f_type of statfs(2), for those that many machines share.
    private static let shared: [UInt64: String] = [
        0x6969: "NFS", 0x0BD0_0BD0: "Lustre", 0x4750_4653: "GPFS", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB",
        0x00C3_6400: "Ceph", 0x1983_0326: "BeeGFS", 0x5346_414F: "AFS",
    ]
    private static let memory: UInt64 = 0x0102_1994
    private static let enough: Int64 = 1 << 30

    func findings() -> [Finding] { cache() + temporary() + home() }

    // MARK: the three

    private func cache() -> [Finding] {
        let root: String
        guard CacheDirectory.exists else { return future() }
        do throws(SkiffError) {
            guard let cache = try CacheDirectory.ofUser(disabled: false) else {
                return [
                    Finding(
                        "cache", .warning, "the cache cannot be used",
                        effect: "every image is fetched and converted again",
                        cure: "export APPTAINER_CACHEDIR=, with a directory of yours")
                ]
            }
            root = cache.root
        } catch {
            return [Finding("cache", .fault, error.message, effect: "images cannot be fetched", cure: error.hint)]
        }
        var found = room("cache", root, cure: "skiff cache clean, or export APPTAINER_CACHEDIR=, with a larger place")
        if let file = try? open(root, [.read, .directory]) {
            do throws(Errno) {
                _ = try tryLock(file.raw)
            } catch {
                found.append(
                    Finding(
                        "cache", .note, "\(root) knows no locks: \(error)",
                        effect: "edits of SIF files there are not kept apart"))
            }
        }
        return found.isEmpty ? [Finding("cache", .fine, description(root))] : found
    }

    /// The cache is made by the first pull: what counts until then is the directory in which it will lie.
    private func future() -> [Finding] {
        var path = CacheDirectory.place
        while path != "/", (try? status(path)) == nil { path = parentPath(path) ?? "/" }
        guard isAccessible(path, W_OK | X_OK) else {
            return [
                Finding(
                    "cache", .warning, "\(path), in which the cache will lie, is not writable",
                    effect: "every image is fetched and converted again",
                    cure: "export APPTAINER_CACHEDIR=, with a directory of yours")
            ]
        }
        let found = room("cache", path, cure: "export APPTAINER_CACHEDIR=, with a larger place")
        return found.isEmpty ? [Finding("cache", .fine, "none yet; it will lie in \(description(path))")] : found
    }

    private func temporary() -> [Finding] {
        let path = settingVariable("TMPDIR") ?? TemporaryDirectory.standard()
        let cure = "export APPTAINER_TMPDIR=, with a directory of yours on a local disk"
        do throws(SkiffError) {
            try TemporaryDirectory.check(path)
        } catch {
            return [Finding("tmp", .fault, error.message, effect: "builds and unpacked images fail", cure: error.hint)]
        }
        guard isAccessible(path, R_OK | W_OK | X_OK) else {
            return [
                Finding("tmp", .fault, "\(path) is not writable", effect: "builds and unpacked images fail", cure: cure)
            ]
        }
        var found = room("tmp", path, cure: cure)
        if let facts = try? filesystemFacts(of: path) {
            if facts.isNoExec {
                found.append(
                    Finding(
                        "tmp", .warning, "\(path) is mounted with noexec",
                        effect: "builds are refused, and unpacked images do not start", cure: cure))
            }
            if facts.isNoDev, host.isAdministrator {
                found.append(
                    Finding(
                        "tmp", .note, "\(path) is mounted with nodev", effect: "devices of %post do not work",
                        cure: cure))
            }
        }
        let type = try? filesystemType(of: path)
        if type == Self.memory {
            found.append(
                Finding("tmp", .note, "\(path) is in memory", effect: "large builds take memory there", cure: cure))
        } else if let name = type.flatMap({ Self.shared[$0] }) {
            found.append(
                Finding(
                    "tmp", .warning, "\(path) is on \(name)", effect: "builds and unpacking are slow there", cure: cure)
            )
        }
        if host.uid != 0, !Self.keepsOwners(path) {
            found.append(
                Finding(
                    "tmp", .note, "\(path) keeps no attributes of users",
                    effect: "builds without ranges of ids only pretend to be root", cure: cure))
        }
        return found.isEmpty ? [Finding("tmp", .fine, description(path))] : found
    }

    /// Whether the emulation of root can keep owners there; also where no namespace can be had, which another probe tells.
    private static func keepsOwners(_ path: String) -> Bool {
        guard let folder = try? open(path, [.read, .directory]) else { return true }
        return (try? OwnNamespace.run { RecordedOwner.isPossible(in: folder.raw) ? 0 : 1 }) != 1
    }

    private func home() -> [Finding] {
        let path = host.homeDirectory
        guard (try? status(path).isDirectory) == true else {
            return [
                Finding(
                    "home", .warning, "the home \(path) is no directory", effect: "containers start without it",
                    cure: "--no-home, or --home with another directory")
            ]
        }
        guard isAccessible(path, W_OK) else {
            return [
                Finding("home", .note, "the home \(path) is not writable", effect: "programs keep no settings there")
            ]
        }
        return [Finding("home", .fine, description(path))]
    }

    // MARK: room

    private func room(_ probe: String, _ path: String, cure: String) -> [Finding] {
        guard let free = (try? filesystemFacts(of: path))?.available, free < Self.enough else { return [] }
        return [
            Finding(
                probe, free < Self.enough / 16 ? .fault : .warning, "\(path) has only \(free >> 20) MiB left",
                effect: "pulls, builds and unpacked images end with 'no space left on device'", cure: cure)
        ]
    }

    private func description(_ path: String) -> String {
        let free = (try? filesystemFacts(of: path))?.available ?? 0
        let kind = (try? filesystemType(of: path)).flatMap { Self.shared[$0] }.map { " on \($0)" } ?? ""
        return "\(path)\(kind), \(free >> 30) GiB free"
    }
}
