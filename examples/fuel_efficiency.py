"""How many miles per gallon does a car of the seventies make? A regression on UCI's Auto MPG table."""
import torch
import torch.nn as nn
from torch.nn.functional import one_hot
from torch.utils.data import DataLoader, TensorDataset

import argparse

import pandas
from sklearn.model_selection import train_test_split

SOURCE = "https://archive.ics.uci.edu/ml/machine-learning-databases/auto-mpg/auto-mpg.data"
COLUMNS = ["MPG", "Cylinders", "Displacement", "Horsepower", "Weight", "Acceleration", "Model Year", "Origin"]
NUMERIC = COLUMNS[1:6]


def features(table: pandas.DataFrame, mean: pandas.Series, std: pandas.Series) -> torch.Tensor:
    """Five standardised columns, the model year in four buckets, the origin as three indicators: (N, 9)."""
    numeric = torch.tensor(((table[NUMERIC] - mean) / std).values)
    year = torch.bucketize(torch.tensor(table["Model Year"].values), torch.tensor([73, 76, 79]), right=True)
    origin = one_hot(torch.from_numpy(table["Origin"].values.copy()) % 3, num_classes=3)
    return torch.cat([numeric, year.unsqueeze(1), origin], dim=1).float()


def network(inputs: int, hidden: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [nn.Linear(inputs, units), nn.ReLU()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=SOURCE, help="path or address of auto-mpg.data")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--log-every", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="four epochs, each reported")
    args = parser.parse_args()
    epochs, log_every = (4, 1) if args.quick else (args.epochs, args.log_every)

    table = pandas.read_csv(args.data, names=COLUMNS, na_values="?", comment="\t", sep=" ", skipinitialspace=True).dropna().reset_index(drop=True)
    train, test = train_test_split(table, train_size=0.8, random_state=1)
    mean, std = train[NUMERIC].mean(), train[NUMERIC].std()
    x_train, x_test = features(train, mean, std), features(test, mean, std)
    y_train, y_test = torch.tensor(train["MPG"].values).float(), torch.tensor(test["MPG"].values).float()
    print(x_train.shape, x_test.shape, x_train[0])

    torch.manual_seed(1)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=8, shuffle=True)
    model = network(x_train.shape[1], [8, 4])
    print(model)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)

    torch.manual_seed(1)
    for epoch in range(epochs):
        total = 0.0
        for x_batch, y_batch in loader:
            prediction = model(x_batch)[:, 0]
            loss = loss_fn(prediction, y_batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item()
        if epoch % log_every == 0:
            print(f"Epoch {epoch}  Loss {total / len(loader):.4f}")

    with torch.no_grad():
        prediction = model(x_test)[:, 0]
        print(f"Test MSE: {loss_fn(prediction, y_test).item():.4f}")
        print(f"Test MAE: {nn.L1Loss()(prediction, y_test).item():.4f}")


if __name__ == "__main__":
    main()
