import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { AccessToken } from './access-token.js';
import { Announcer } from './announcer.js';
import { App } from './app.js';
import { createApolloClient } from './gateway.js';
import './styles.css';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has an element for the page.');
createRoot(root).render(
  <StrictMode>
    <ApolloProvider client={createApolloClient()}>
      <Announcer>
        <AccessToken>
          <App />
        </AccessToken>
      </Announcer>
    </ApolloProvider>
  </StrictMode>,
);
