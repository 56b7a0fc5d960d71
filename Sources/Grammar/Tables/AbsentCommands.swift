extension Table {
    /// Commands of Apptainer that this version does not have.
    static var absentCommands: [String] {
        [
            "checkpoint", "key", "keys", "oci",
            "sign", "siftool", "verify",
            "completion powershell",
        ]
    }

    /// Commands of plugins of this repository, each of which can be left out.
    static var pluginCommands: [String: String] { ["overlay": "org.skiff.overlay"] }
}
