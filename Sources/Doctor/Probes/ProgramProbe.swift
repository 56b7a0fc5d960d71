import Core

/// Programs of the host that some commands start.
struct ProgramProbe {
    let programs: ProgramPath

    func findings() -> [Finding] {
        guard programs.find("pasta") == nil, programs.find("slirp4netns") == nil else { return [] }
        return [
            Finding(
                "network", .note, "neither pasta nor slirp4netns is installed",
                effect: "a private network of an ordinary user has no way out",
                cure: "Install the package passt as root")
        ]
    }
}
