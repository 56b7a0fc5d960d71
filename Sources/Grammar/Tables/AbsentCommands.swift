extension Table {
    /// Commands of Apptainer that this version does not have.
    static var absentCommands: [String] {
        [
            "capability", "caps", "checkpoint", "config", "key", "keys", "oci",
            "overlay", "sign", "siftool", "verify",
            "completion powershell",
        ]
    }
}
