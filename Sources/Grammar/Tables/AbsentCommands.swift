extension Table {
    /// Commands of Apptainer that this version does not have.
    static var absentCommands: [String] {
        [
            "checkpoint", "key", "keys",
            "sign", "siftool", "verify",
            "completion powershell",
        ]
    }

    /// What some of them would need.
    static var needs: [String: String] {
        ["checkpoint": "it needs DMTCP, which must be installed, and which skiff does not drive yet"]
    }

    /// Commands of plugins of this repository, each of which can be left out.
    static var pluginCommands: [String: String] { ["overlay": "org.skiff.overlay"] }
}
