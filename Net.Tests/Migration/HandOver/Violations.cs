namespace Net.Tests.Migration.HandOver;

/// <summary>What must never be; the invariants of DESIGN, section 3.</summary>
internal static class Violations
{
    public const string TwoHaveTheKeys = "two owners serve with the keys of the same connections";
    public const string TwoServe = "two owners serve, and nobody was taken for dead";
    public const string NumberTwice = "a packet number is spent twice under one key";
    public const string OldSnapshot = "a snapshot is served that is older than the last packet sent";
    public const string AcknowledgedLost = "an acknowledged byte is lost";
    public const string TwoReachTheClient = "a former owner reaches the client after the present one has sent";
    public const string OldOwnerPasses = "an ingress passes a former owner's packet behind the present one's";
    public const string NobodyServes = "in the end the owner of the record does not serve";
    public const string NobodyPasses = "in the end an ingress does not pass the owner's packets";
    public const string ConnectionsLost = "the connections are lost although nobody crashed";
    public const string DestroyedThaws = "what was destroyed is thawed";
    public const string WipedServes = "what was wiped is served";
}
