import Base
import Linux

/// Where the home directory comes from and where it appears (Docs/spec/runtime.md §2.2).
struct HomeDirectory: Equatable {
    /// Nil when nothing is mounted.
    var source: Mount.Source?
    /// What HOME says, mounted or not.
    var destination: String
    /// Whether `--home` asked for it.
    var isAsked: Bool
    /// An empty directory that covers one of the image, so that the destination can be made in it; nil for none.
    var stagedBase: String?
    /// Why nothing is mounted although it was not turned off.
    var message: PlanMessage?

    /// - Throws: when the configuration forbids the home that was asked for, and for a destination that is no absolute
    ///   path; with Apptainer's texts.
    init(request: Request, settings: Settings, host: HostFacts) throws(SkiffError) {
        destination = Self.destination(request, host)
        isAsked = request.home != nil
        guard Self.isMounted(request, settings) else { return }
        if request.home != nil && !settings.userBindControl {
            throw SkiffError(
                "container creation failed: not mounting user requested home: user bind control is disallowed",
                hint: "The administrator set user bind control = no: leave --home out")
        }
        if destination == "/" {
            message = .warning("Not mounting home directory: destination is /")
            return
        }
        guard destination.hasPrefix("/") else {
            throw SkiffError(
                "container creation failed: failed to add \(request.home?.source ?? host.homeDirectory) as session "
                    + "directory: path \(destination) is not an absolute path")
        }
        guard let path = Self.hostPath(request, host) else {
            source =
                request.workdir.map { .made(absolutePath($0, in: host.directory) + "/home", mode: 0o700) }
                ?? .session(mode: 0o700)
            return
        }
        source = host.homeSource == .directory ? .bind(path) : .session(mode: 0o700)
    }

    /// Whether anything is to be mounted.
    static func isMounted(_ request: Request, _ settings: Settings) -> Bool {
        if request.noHome || request.noMount.contains("home") || request.buildConfiguration { return false }
        return settings.mountHome || request.home != nil
    }

    /// What HOME says.
    static func destination(_ request: Request, _ host: HostFacts) -> String {
        if let home = request.home { return home.destination }
        let isRootInside = request.userMapping == .root || (request.userMapping == .inherited && host.uid == 0)
        return isRootInside ? "/root" : host.homeDirectory
    }

    /// The directory of the host that is shown; nil where an empty one is made.
    static func hostPath(_ request: Request, _ host: HostFacts) -> String? {
        if request.contain && request.home == nil { return nil }
        return request.home?.source ?? host.homeDirectory
    }

    /// In an image that is opened for writing nothing is supplied for mounts, and few images have the caller's home.
    /// Then `/home` of the image is covered and the home is made in the cover, so that the image stays as it is.
    mutating func stageBase(_ image: ImageFacts) {
        guard source != nil, !image.holdsHome, let slash = destination.dropFirst().firstIndex(of: "/") else { return }
        stagedBase = String(destination[..<slash])
    }

    func mounts(_ attributes: MountAttributes) -> [Mount] {
        guard let source else { return [] }
        var home = Mount(.home, source, at: destination, attributes: attributes, reason: "home directory")
        home.isAsked = isAsked
        let base = stagedBase.map { base in
            Mount(.home, .session(mode: 0o755), at: base, attributes: attributes, reason: "place of the home directory")
        }
        return (base.map { [$0] } ?? []) + [home]
    }
}
