using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>Gives a connection its observer when it begins, or begins here.</summary>
internal interface IObserverSource
{
    /// <param name="view">The connection as it is now: nothing was received or sent yet, or it was just imported.</param>
    /// <returns>Null: this one is not observed.</returns>
    IConnectionObserver? Observe(in ConnectionView view, Instant now);
}
