namespace Net.Core.Connections;

/// <summary>How a connection tells its endpoint that it was called, and so may have something to send or to say.</summary>
internal interface IConnectionRegistration
{
    void Touch();
}
