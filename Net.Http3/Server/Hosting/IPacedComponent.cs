namespace Net.Http3.Server.Hosting;

/// <summary>A component that reads a request ahead of whoever wants it, and ends one that is too slow by itself: <see cref="Http3ServerLimits.MinRequestBodyRate"/> is not for it.</summary>
internal interface IPacedComponent : IComponent;
