using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>How a connection tells its endpoint that it was called, and so may have something to send or to say.</summary>
internal interface IConnectionRegistration
{
    void Touch();

    /// <summary>The time of the step that is being made, for what is told by a call that brings none.</summary>
    Instant Now { get; }
}
